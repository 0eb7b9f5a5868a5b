import Contracts
import Foundation
import Postgres
import Primitives
import Testing

@testable import Delivery

@Suite("What providers say, and what follows")
struct OAuthRuleTests {
    private func tokens(_ status: UInt, _ body: String) throws(OAuthFailure) -> OAuthTokens {
        try OAuthAnswer.tokens(status: status, body: Data(body.utf8), of: .microsoft)
    }

    @Test("tokens are read as Google and as Microsoft write them; what no server would take is not taken")
    func answers() throws {
        let whole = try tokens(
            200, #"{"access_token":"a.b","token_type":"bearer","expires_in":"3599","refresh_token":"r","scope":"x y","id_token":"i"}"#)
        #expect(whole == OAuthTokens(access: "a.b", lifetime: 3_599, refresh: "r", scopes: ["x", "y"], idToken: "i"))
        let bare = try tokens(200, #"{"access_token":"a"}"#)
        #expect(bare == OAuthTokens(access: "a", lifetime: 3_600, refresh: nil, scopes: nil, idToken: nil))
        #expect(try tokens(200, #"{"access_token":"a","expires_in":1e300}"#).lifetime == 86_400)
        for (body, failure) in [
            (#"{"access_token":"a b"}"#, OAuthFailure.incredible("Microsoft gave a token that no server takes")),
            (#"{"access_token":"\#(String(repeating: "a", count: 8_001))"}"#, .incredible("Microsoft gave a token that no server takes")),
            (#"{"access_token":"a","token_type":"mac"}"#, .incredible("Microsoft gave a token of another kind")),
            ("<html>", .unavailable("Microsoft answered something else than tokens", isGeneral: false)),
        ] {
            #expect(throws: failure) { try tokens(200, body) }
        }
    }

    @Test(
        "a consent that is over, trouble of ours, and trouble that passes are told apart",
        arguments: [
            (400, #"{"error":"invalid_grant"}"#, OAuthFailure.consentOver(code: "invalid_grant")),
            (
                400, #"{"error":"invalid_grant","error_description":"AADSTS50173: The grant of Grace has expired. Trace 1"}"#,
                .consentOver(code: "invalid_grant, AADSTS50173")
            ),
            (400, #"{"error":"interaction_required"}"#, .consentOver(code: "interaction_required")),
            (401, #"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#, .misconfigured(code: "invalid_client, AADSTS7000222")),
            (400, #"{"error":"unauthorized_client"}"#, .misconfigured(code: "unauthorized_client")),
            (400, #"{"error":"temporarily_unavailable"}"#, .unavailable("Microsoft said 400 (temporarily_unavailable)", isGeneral: false)),
            (400, #"{"error":"a\nb <i>"}"#, .unavailable("Microsoft said 400 (abi)", isGeneral: false)),
            (400, "<html>", .unavailable("Microsoft said 400", isGeneral: true)),
            (429, #"{"error":"invalid_grant"}"#, .unavailable("Microsoft said 429", isGeneral: true)),
            (503, #"{"error":"invalid_grant"}"#, .unavailable("Microsoft said 503", isGeneral: true)),
            (302, "", .unavailable("Microsoft said 302", isGeneral: true)),
        ])
    func refusals(status: UInt, body: String, failure: OAuthFailure) {
        #expect(throws: failure) { try tokens(status, body) }
    }

    @Test("a state names its company, and what was not made here is none")
    func state() throws {
        let tenant = TenantID(UUID())
        let state = OAuthState(tenant: tenant, secret: randomBytes(32))
        #expect(OAuthState(state.text) == state && state.text.utf8.count == 64)
        #expect(OAuthState(state.text)?.tenant == tenant)
        for broken in ["", String(state.text.dropLast()), state.text + "A", String(repeating: "=", count: 64), String(repeating: "/", count: 64)] {
            #expect(OAuthState(broken) == nil)
        }
    }

    @Test("a token is replaced five minutes before its end, one that lives shortly when a quarter is left")
    func margin() {
        let begin = Date(timeIntervalSince1970: 1_800_000_000)
        #expect(Consent.margin(from: begin, to: begin.addingTimeInterval(3_600)) == 300)
        #expect(Consent.margin(from: begin, to: begin.addingTimeInterval(60)) == 15)
        #expect(Consent.margin(from: begin, to: begin.addingTimeInterval(-1)) == 0)
    }

    @Test("a provider without an answer is asked ever more rarely, every ten minutes at last")
    func pauses() {
        #expect([1, 2, 3, 8, 100].map(AccessTokens.pause(after:)) == [5, 10, 20, 600, 600])
        #expect(AccessTokens.pause(after: 0) == 5)
    }
}
