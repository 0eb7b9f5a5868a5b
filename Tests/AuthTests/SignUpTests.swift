import Foundation
import Testing

@testable import Auth

@Suite("Signing up and proving the address")
struct SignUpTests {
    @Test("the code in the mail proves the address, once")
    func verifyByCode() async throws {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        let signUp = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("Ada@Example.com"))
        #expect(signUp.status == .accepted)
        let code = try await fixture.code(for: "ada@example.com")
        let first = try await browser.post("/api/v1/auth/verify-email", #"{"email":"ada@example.com","code":"\#(code)"}"#)
        #expect(first.status == .ok)
        let again = try await browser.post("/api/v1/auth/verify-email", #"{"email":"ada@example.com","code":"\#(code)"}"#)
        #expect(again.status == .unprocessableContent)
        #expect(try await fixture.events("auth.tenant.created") == 1)
        #expect(try await fixture.events("auth.user.verified") == 1)
    }

    @Test("a taken address gets the same answer, no second account, and a mail to its owner")
    func takenAddressIsNeutral() async throws {
        let fixture = try await AuthFixture.make()
        let first = try await fixture.browser().post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        fixture.house.clock.advance(by: .seconds(1))
        let second = try await fixture.browser().post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com", password: "another password"))
        #expect(first.status == second.status)
        #expect(first.body == second.body)
        #expect(try await fixture.events("auth.tenant.created") == 1)
        #expect(try await fixture.mails(to: "ada@example.com").map(\.kind) == ["verification", "already_registered"])
    }

    @Test("five wrong codes burn the proof, even for the right one")
    func wrongCodes() async throws {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        let code = try await fixture.code(for: "ada@example.com")
        let wrong = code == "000000" ? "000001" : "000000"
        for _ in 0..<Verifications.maximumAttempts {
            let answer = try await browser.post("/api/v1/auth/verify-email", #"{"email":"ada@example.com","code":"\#(wrong)"}"#)
            #expect(answer.status == .unprocessableContent)
        }
        let right = try await browser.post("/api/v1/auth/verify-email", #"{"email":"ada@example.com","code":"\#(code)"}"#)
        #expect(right.status == .unprocessableContent)
    }

    @Test("a proof is good for half an hour")
    func proofExpires() async throws {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        let code = try await fixture.code(for: "ada@example.com")
        fixture.house.clock.advance(by: .seconds(30 * 60 + 1))
        let late = try await browser.post("/api/v1/auth/verify-email", #"{"email":"ada@example.com","code":"\#(code)"}"#)
        #expect(late.status == .unprocessableContent)
    }

    @Test("looking at the mailed page changes nothing, its button proves the address")
    func pageOnlyConsumesByPost() async throws {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        let text = try #require(try await fixture.mails(to: "ada@example.com").first?.text)
        let token = try #require(text.split(separator: "token=").last?.split(separator: "\n").first)
        for _ in 0..<3 {
            let page = try await browser.get("/verify-email?token=\(token)")
            #expect(page.status == .ok)
            #expect(page.body.contains("<form method=\"post\""))
        }
        let done = try await browser.send(
            "/verify-email", .post, "token=\(token)", [.contentType: "application/x-www-form-urlencoded"])
        #expect(done.status == .ok)
        let again = try await browser.send(
            "/verify-email", .post, "token=\(token)", [.contentType: "application/x-www-form-urlencoded"])
        #expect(again.status == .unprocessableContent)
    }

    @Test("a second mail needs a minute, a fourth an hour, and replaces the proof before it")
    func resendIsLimited() async throws {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        let first = try await fixture.code(for: "ada@example.com")
        let resend = #"{"email":"ada@example.com"}"#
        #expect(try await browser.post("/api/v1/auth/verify-email/resend", resend).status == .accepted)
        #expect(try await fixture.mails(to: "ada@example.com").count == 1)
        for expected in [2, 3, 3] {
            fixture.house.clock.advance(by: .seconds(61))
            #expect(try await browser.post("/api/v1/auth/verify-email/resend", resend).status == .accepted)
            #expect(try await fixture.mails(to: "ada@example.com").count == expected)
        }
        let old = try await browser.post("/api/v1/auth/verify-email", #"{"email":"ada@example.com","code":"\#(first)"}"#)
        #expect(old.status == .unprocessableContent)
    }

    @Test(
        "bad input is refused with the field that is wrong",
        arguments: [
            (#"{"email":"not an address","password":"correct horse battery","name":"A","company":"B"}"#, "email"),
            (#"{"email":"a@example.com","password":"short","name":"A","company":"B"}"#, "password"),
            (#"{"email":"a@example.com","password":"correct horse battery","name":"","company":"B"}"#, "name"),
            (#"{"email":"a@example.com","password":"correct horse battery","name":"A"}"#, "company"),
            (#"{"email":"a@example.com\r\nBcc: b@example.com","password":"correct horse battery","name":"A","company":"B"}"#, "email"),
            (#"{"email":"\"a b\"@example.com","password":"correct horse battery","name":"A","company":"B"}"#, "email"),
            (#"{"email":["a@example.com","b@example.com"],"password":"correct horse battery","name":"A","company":"B"}"#, "email"),
            (#"{"email":"a@ex\u0430mple.com","password":"correct horse battery","name":"A","company":"B"}"#, "email"),
            (#"{"email":"a\uff20example.com","password":"correct horse battery","name":"A","company":"B"}"#, "email"),
            (#"{"email":"a@example.com","password":"correct horse battery","name":"A\r\nBcc: b@example.com","company":"B"}"#, "name"),
            (#"{"email":"a@example.com","email":"b@example.com","password":"correct horse battery","name":"A","company":"B"}"#, "email"),
        ])
    func badInput(body: String, field: String) async throws {
        let answer = try await AuthFixture.make().browser().post("/api/v1/auth/sign-up", body)
        #expect(answer.status == .badRequest)
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(answer.member("field") == field)
    }
}
