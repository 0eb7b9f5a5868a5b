import Contracts
import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import Auth

/// A browser with a page of ours that uses Nile's SDK under one of the two prefixes.
private struct NileClient: Sendable {
    static let origin = "https://localhost:8443"
    static let form: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]
    static let json: HTTPFields = [.contentType: "application/json", .origin: origin]

    let browser: Browser
    let prefix: String

    func get(_ path: String) async throws -> Browser.Answer {
        try await browser.get("\(prefix)/\(path)")
    }

    /// The SDK's own way: the token as a field of the form.
    func form(_ path: String, _ fields: String) async throws -> Browser.Answer {
        let token = try await get("auth/csrf").member("csrfToken") ?? ""
        return try await browser.send("\(prefix)/\(path)", .post, "\(fields)&csrfToken=\(token)", Self.form)
    }

    /// As for signing up, resetting and the second factor: the cookie alone, from our own page.
    func page(_ method: HTTPRequest.Method, _ path: String, _ body: String, _ headers: HTTPFields = Self.json) async throws -> Browser.Answer {
        try await browser.send("\(prefix)/\(path)", method, body, headers)
    }

    /// With the token in its header.
    func change(_ method: HTTPRequest.Method, _ path: String, _ body: String) async throws -> Browser.Answer {
        try await browser.post("\(prefix)/\(path)", body, method: method)
    }

    func signIn(_ email: String = "ada%40example.com", password: String = "correct+horse+battery", callback: String = "/dashboard") async throws
        -> Browser.Answer
    {
        try await form("auth/callback/credentials", "email=\(email)&password=\(password)&callbackUrl=\(callback)&json=true&resetUrl=/reset")
    }
}

@Suite("Nile's SDK can be pointed here")
struct NileTests {
    private static let prefixes = ["/api", "/v2/databases/0192f0c4-0000-7000-8000-000000000000"]
    private static let ada = "ada@example.com"

    private func client(_ fixture: AuthFixture, _ prefix: String) -> NileClient {
        NileClient(browser: fixture.browser(), prefix: prefix)
    }

    @Test("somebody signs up, proves the address, signs in with a form, sees their companies, and signs out", arguments: NileTests.prefixes)
    func journey(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        let nile = client(fixture, prefix)
        #expect(try await nile.get("auth/session").body == "{}")
        #expect(try await nile.get("me").status == .unauthorized)
        let csrf = try await nile.get("auth/csrf")
        #expect(csrf.member("csrfToken")?.count == 64)
        #expect(csrf.headers[values: .setCookie].contains { $0.hasPrefix("__Secure-nile.csrf-token=") && $0.contains("%7C") })
        #expect(try await nile.get("auth/csrf").member("csrfToken") == csrf.member("csrfToken"))
        #expect(try await nile.get("auth/providers").body.contains(#""type":"credentials""#))
        let signUp = try await nile.page(
            .post, "signup?newTenantName=Igloo", #"{"email":"ada@example.com","password":"correct horse battery","name":"Ada"}"#)
        #expect(signUp.status == .ok && signUp.member("email") == Self.ada && signUp.headers[values: .setCookie].isEmpty)
        let verify = #"{"email":"ada@example.com","code":"\#(try await fixture.code(for: Self.ada))"}"#
        #expect(try await nile.browser.post("/api/v1/auth/verify-email", verify).status == .ok)
        let signIn = try await nile.signIn()
        #expect(signIn.status == .ok && signIn.member("url") == NileClient.origin + "/dashboard" && signIn.headers[.location] == nil)
        #expect(signIn.headers[values: .setCookie].contains { $0.hasPrefix("__Secure-nile.session-token=") && $0.contains("HttpOnly") })
        let session = try await nile.get("auth/session")
        #expect(session.body.contains(#""email":"ada@example.com""#) && session.body.contains(#""emailVerified":"2"#))
        #expect(session.member("expires") != nil)
        let me = try await nile.get("me")
        let id = try #require(me.member("id"))
        #expect(me.status == .ok && me.body.contains(#""multiFactor":null"#))
        let tenants = try await nile.get("users/\(id)/tenants")
        #expect(tenants.body.contains(#""name":"Igloo""#))
        #expect(tenants.headers[values: .setCookie].contains { $0.hasPrefix("nile.tenant-id=") && !$0.contains("HttpOnly") })
        let founded = try await nile.change(.post, "tenants", #"{"name":"Floe"}"#)
        let floe = try #require(founded.member("id"))
        #expect(founded.status == .created)
        #expect(try await nile.change(.put, "tenants/\(floe)", #"{"name":"Ice floe"}"#).member("name") == "Ice floe")
        #expect(try await nile.get("tenants").body.contains("Ice floe"))
        #expect(try await nile.get("tenants/\(floe)/users").body.contains(#""roles":["owner"]"#))
        let invitation = try await nile.form("tenants/\(floe)/invite", "identifier=bob%40example.com&callbackUrl=/&redirectUrl=/")
        #expect(invitation.status == .created && !invitation.body.contains("token"))
        #expect(try await nile.get("tenants/\(floe)/invites").body.contains("bob@example.com"))
        let invited = try #require(invitation.member("id"))
        #expect(try await nile.change(.delete, "tenants/\(floe)/invite/\(invited)", "").status == .noContent)
        let signOut = try await nile.form("auth/signout", "callbackUrl=/bye&json=true")
        #expect(signOut.status == .ok && signOut.member("url") == NileClient.origin + "/bye")
        #expect(try await nile.get("auth/session").body == "{}")
        #expect(try await nile.get("users/\(id)/tenants").status == .unauthorized)
    }

    @Test("signing up with a taken address looks the same, sets no cookie, and tells only its owner", arguments: NileTests.prefixes)
    func taken(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        let nile = client(fixture, prefix)
        _ = try await nile.get("auth/csrf")
        func signUp() async throws -> Browser.Answer {
            try await nile.page(.post, "signup", #"{"email":"ada@example.com","password":"correct horse battery"}"#)
        }
        let (new, taken) = (try await signUp(), try await signUp())
        #expect(new.status == .ok && taken.status == new.status && taken.body == new.body)
        #expect(taken.headers[values: .setCookie].isEmpty)
        #expect(try await fixture.mails(to: Self.ada).map(\.kind) == ["verification", "already_registered"])
    }

    @Test("a wrong password, a missing token and a foreign address to go to lead nowhere", arguments: NileTests.prefixes)
    func refusals(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        _ = try await fixture.signedIn()
        let nile = client(fixture, prefix)
        let wrong = try await nile.signIn(password: "wrong+horse+battery")
        #expect(wrong.status == .unauthorized)
        #expect(wrong.member("url") == NileClient.origin + "/api/auth/error?error=Login%20failed.")
        let blocked = try await nile.browser.send(
            "\(prefix)/auth/callback/credentials", .post, "email=ada%40example.com&password=correct+horse+battery&json=true", NileClient.form)
        #expect(blocked.status == .forbidden && blocked.member("url") == NileClient.origin + "/api/auth/signin?csrf=true&error=csrf")
        let foreign = [
            "https://evil.example/x", "//evil.example", "/%5Cevil.example", "https://localhost:8443.evil.example",
            "https://localhost:8443@evil.example", "javascript:alert(1)", "http://localhost:8443/x",
        ]
        for callback in foreign { #expect(try await nile.signIn(callback: callback).member("url") == NileClient.origin + "/") }
        #expect(try await nile.signIn(callback: NileClient.origin + "/mine").member("url") == NileClient.origin + "/mine")
        let plain = try await nile.form("auth/callback/credentials", "email=ada%40example.com&password=correct+horse+battery&callbackUrl=/a")
        #expect(plain.headers[.location] == NileClient.origin + "/a")
    }

    @Test("where the SDK sends no token, another site's page is told by its origin and its form", arguments: NileTests.prefixes)
    func origins(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        let nile = client(fixture, prefix)
        let body = #"{"email":"ada@example.com"}"#
        let json: HTTPFields = [.contentType: "application/json"]
        func status(_ more: HTTPFields) async throws -> HTTPResponse.Status {
            try await nile.page(.post, "auth/reset-password", body, more).status
        }
        // Without the cookie, then with it.
        #expect(try await status(NileClient.json) == .badRequest)
        _ = try await nile.get("auth/csrf")
        #expect(try await status(json) == .badRequest)
        #expect(try await status([.contentType: "application/json", .origin: "https://evil.example"]) == .badRequest)
        #expect(try await status([.contentType: "application/json", .nileOrigin: "https://evil.example"]) == .badRequest)
        #expect(try await status([.contentType: "application/json", .fetchSite: "cross-site"]) == .badRequest)
        #expect(try await status([.contentType: "text/plain", .origin: NileClient.origin]) == .unsupportedMediaType)
        #expect(
            try await nile.page(
                .post, "auth/reset-password", "email=ada%40example.com",
                [.contentType: "application/x-www-form-urlencoded", .origin: NileClient.origin]
            ).status == .badRequest)
        #expect(try await status([.contentType: "application/json", .fetchSite: "same-origin"]) == .created)
        #expect(try await status([.contentType: "application/json", .nileOrigin: NileClient.origin]) == .created)
        let blocked = try await nile.page(.post, "auth/reset-password", body, json)
        #expect(blocked.body == "Request blocked" && blocked.headers[.contentType]?.hasPrefix("text/plain") == true)
    }

    @Test("a reset shows neither token nor address to whoever asks; the mailed link sets one password", arguments: NileTests.prefixes)
    func reset(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        _ = try await fixture.signedIn()
        let nile = client(fixture, prefix)
        _ = try await nile.get("auth/csrf")
        let password = #"{"password":"a new long password"}"#
        let asked = try await nile.page(.post, "auth/reset-password?json=true", #"{"email":"ada@example.com","json":true,"callbackUrl":"/new"}"#)
        let unknown = try await nile.page(.post, "auth/reset-password?json=true", #"{"email":"eve@example.com","json":true,"callbackUrl":"/new"}"#)
        let token = try await fixture.linkToken(for: Self.ada)
        #expect(token.count == 43 && asked.status == .created && unknown.status == .created && asked.body == unknown.body)
        #expect(!asked.body.contains(token) && !asked.body.contains("http") && asked.headers[values: .setCookie].isEmpty)
        // Having asked is not enough.
        #expect(try await nile.page(.put, "auth/reset-password", password).status == .badRequest)
        #expect(try await nile.get("auth/reset-password?token=wrong&callbackUrl=/new").status == .badRequest)
        let opened = try await nile.get("auth/reset-password?token=\(token)&identifier=ada%40example.com&callbackUrl=https://evil.example/new")
        #expect(opened.status == .found && opened.headers[.location] == NileClient.origin + "/reset-password")
        #expect(opened.headers[values: .setCookie].contains { $0.hasPrefix("__Secure-nile.reset=\(token)%7C") && $0.contains("HttpOnly") })
        #expect(try await nile.page(.put, "auth/reset-password", #"{"password":"short"}"#).status == .badRequest)
        #expect(try await nile.page(.put, "auth/reset-password", password).status == .noContent)
        #expect(try await nile.page(.put, "auth/reset-password", password).status == .badRequest)
        #expect(try await nile.get("auth/session").body == "{}")
        #expect(try await nile.signIn(password: "a+new+long+password").status == .ok)
    }

    @Test("looking at a link to verify an address does not use it", arguments: NileTests.prefixes)
    func scanners(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        let nile = client(fixture, prefix)
        _ = try await nile.browser.post("/api/v1/auth/sign-up", Browser.signUpBody(Self.ada))
        fixture.house.clock.advance(by: .seconds(61))
        #expect(try await nile.form("auth/verify-email", "email=ada%40example.com&callbackUrl=/").status == .created)
        #expect(try await nile.form("auth/verify-email", "email=eve%40example.com&callbackUrl=/").status == .created)
        let token = try await fixture.linkToken(for: Self.ada)
        for _ in 0..<2 {
            let page = try await nile.get("auth/verify-email?token=\(token)&identifier=ada%40example.com&callbackUrl=/")
            #expect(page.status == .ok && page.body.contains("Confirm my address"))
        }
        let confirmed = try await nile.browser.send("/verify-email", .post, "token=\(token)", NileClient.form)
        #expect(confirmed.body.contains("Your address is confirmed"))
    }

    @Test("people change their name and picture, and nothing that proves something; accounts are not closed here", arguments: NileTests.prefixes)
    func profile(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        let nile = client(fixture, prefix)
        _ = try await nile.browser.post("/api/v1/auth/sign-up", Browser.signUpBody(Self.ada))
        _ = try await nile.signIn()
        let changed = try await nile.change(
            .put, "me", #"{"emailVerified":true,"email":"eve@example.com","givenName":"Ada","picture":"https://example.com/ada.png"}"#)
        #expect(changed.status == .ok && changed.member("givenName") == "Ada" && changed.member("email") == Self.ada)
        #expect(changed.body.contains(#""emailVerified":null"#) && changed.body.contains(#""tenants":[{"id":"#))
        #expect(try await nile.get("auth/session").body.contains(#""emailVerified":null"#))
        #expect(try await nile.change(.put, "me", #"{"picture":"javascript:alert(1)"}"#).status == .badRequest)
        #expect(try await nile.change(.put, "me", #"{"name":{"first":"Ada"}}"#).status == .badRequest)
        #expect(try await nile.change(.post, "tenants", #"{"name":"Floe"}"#).status == .forbidden)
        let closed = try await nile.change(.delete, "me", "")
        #expect(closed.status == .forbidden && closed.headers[.contentType]?.hasPrefix("text/plain") == true)
        #expect(try await nile.get("auth/session").body.contains(Self.ada))
    }

    @Test("another role leaves a member's limit to workspaces as it was; fields that stand twice are refused", arguments: NileTests.prefixes)
    func limitStays(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        let (owner, bob) = (try await fixture.signedIn(), try await fixture.signedIn("bob@example.com"))
        let ada = NileClient(browser: owner, prefix: prefix)
        let workspace = try #require(try await owner.api(.post, "/api/v1/workspaces", #"{"name":"Sales"}"#).member("id"))
        let invited = try await owner.api(
            .post, "/api/v1/invitations", #"{"email":"bob@example.com","role":"member","workspaces":["\#(workspace)"]}"#)
        #expect(invited.status == .created)
        let token = try await fixture.linkToken(for: "bob@example.com")
        #expect(try await bob.post("/api/v1/auth/invitation/accept", #"{"token":"\#(token)"}"#).status == .ok)
        let user = try #require(try await NileClient(browser: bob, prefix: prefix).get("me").member("id"))
        let tenant = try #require(try await owner.api(.get, "/api/v1/tenants/current").member("id"))
        let changed = try await ada.change(.put, "tenants/\(tenant)/users/\(user)/link", #"{"roles":["viewer"]}"#)
        #expect(changed.status == .created, "\(changed.body)")
        let members = try await owner.api(.get, "/api/v1/users").body
        #expect(members.contains(#""role":"viewer""#) && members.contains(#""workspaces":["\#(workspace)"]"#), "\(members)")
        #expect(try await ada.change(.put, "me", #"{"name":"A","name":"B"}"#).status == .badRequest)
        #expect(try await ada.form("auth/verify-email", "email=a%40example.com&email=b%40example.com").status == .badRequest)
    }

    @Test("a company and its people are a stranger's 401, whether there is such a company or not", arguments: NileTests.prefixes)
    func strangers(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        let (owner, stranger) = (try await fixture.signedIn(), try await fixture.signedIn("eve@example.com"))
        let (ada, eve) = (NileClient(browser: owner, prefix: prefix), NileClient(browser: stranger, prefix: prefix))
        let user = try #require(try await ada.get("me").member("id"))
        let cookie = try #require(try await ada.get("users/\(user)/tenants").headers[values: .setCookie].first)
        let tenant = cookie.dropFirst("nile.tenant-id=".count).prefix(36)
        #expect(try await ada.get("tenants/\(tenant)").status == .ok)
        #expect(try await eve.get("users/\(user)/tenants").status == .unauthorized)
        for company in [String(tenant), UUID().uuidString.lowercased()] {
            for path in ["tenants/\(company)", "tenants/\(company)/users", "tenants/\(company)/invites"] {
                #expect(try await eve.get(path).status == .unauthorized)
            }
            #expect(try await eve.change(.put, "tenants/\(company)", #"{"name":"Mine"}"#).status == .unauthorized)
            #expect(try await eve.change(.put, "tenants/\(company)/users/\(user)/link", #"{"roles":["viewer"]}"#).status == .unauthorized)
            #expect(try await eve.change(.delete, "tenants/\(company)/users/\(user)", "").status == .unauthorized)
            #expect(try await eve.change(.post, "tenants/\(company)/invite", #"{"identifier":"eve@example.com"}"#).status == .unauthorized)
        }
        // Nor does an owner link a stranger in: people are invited.
        let eveID = try #require(try await eve.get("me").member("id"))
        #expect(try await ada.change(.put, "tenants/\(tenant)/users/\(eveID)/link", #"{"roles":["member"]}"#).status == .notFound)
        // The last owner stays.
        #expect(try await ada.change(.delete, "tenants/\(tenant)/users/\(user)/link", "").status == .conflict)
    }

    /// Switches the second factor on; its secret.
    private func enrol(_ browser: Browser, _ fixture: AuthFixture) async throws -> Data {
        let text = try #require(try await browser.post("/api/v1/auth/totp", "{}").member("secret"))
        let (alphabet, bits) = (Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 5)
        var (secret, rest, count) = (Data(), 0, 0)
        for character in text {
            let value = try #require(alphabet.firstIndex(of: character))
            rest = (rest << bits | value) & 0xfff
            count += bits
            if count >= 8 {
                count -= 8
                secret.append(UInt8(truncatingIfNeeded: rest >> count))
            }
        }
        let code = OneTimeCode.code(secret, step: OneTimeCode.step(at: fixture.house.clock.clock.now))
        #expect(try await browser.post("/api/v1/auth/totp/confirm", #"{"code":"\#(code)"}"#).status == .ok)
        return secret
    }

    @Test("the second factor is asked for after the right password only; its challenge takes the code once", arguments: NileTests.prefixes)
    func factor(prefix: String) async throws {
        let fixture = try await AuthFixture.make()
        let nile = NileClient(browser: try await fixture.signedIn(), prefix: prefix)
        let secret = try await enrol(nile.browser, fixture)
        _ = try await nile.form("auth/signout", "json=true")
        fixture.house.clock.advance(by: .seconds(60))
        let wrong = try await nile.signIn(password: "wrong+horse+battery")
        #expect(wrong.status == .unauthorized && wrong.member("token") == nil)
        let asked = try await nile.signIn()
        let token = try #require(asked.member("token"))
        #expect(asked.status == .unauthorized && asked.member("scope") == "challenge" && asked.member("url")?.contains(token) == false)
        #expect(try await nile.get("auth/session").body == "{}")
        func meet(_ code: String) async throws -> HTTPResponse.Status {
            try await nile.page(.put, "auth/mfa", #"{"token":"\#(token)","scope":"challenge","method":"authenticator","code":"\#(code)"}"#).status
        }
        let right = OneTimeCode.code(secret, step: OneTimeCode.step(at: fixture.house.clock.clock.now))
        #expect(try await meet(right == "000000" ? "111111" : "000000") == .unauthorized)
        #expect(try await meet(right) == .ok)
        #expect(try await nile.get("auth/session").body.contains(Self.ada))
        #expect(try await nile.get("me").member("multiFactor") == "authenticator")
        #expect(try await meet(right) == .gone)
    }
}
