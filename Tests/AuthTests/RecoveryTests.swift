import Contracts
import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import Auth

@Suite("Forgotten and changed passwords")
struct RecoveryTests {
    private static let ada = "ada@example.com"

    private func reset(_ browser: Browser, _ token: String, to password: String = "a new long password") async throws -> Browser.Answer {
        try await browser.post("/api/v1/auth/password/reset", #"{"token":"\#(token)","password":"\#(password)"}"#)
    }

    @Test("a mailed link sets a new password once, ends every session, and tells the owner")
    func reset() async throws {
        let fixture = try await AuthFixture.make()
        let (browser, other) = (try await fixture.signedIn(), fixture.browser())
        #expect(try await other.post("/api/v1/auth/password/forgot", #"{"email":"ada@example.com"}"#).status == .accepted)
        let token = try await fixture.linkToken(for: Self.ada)
        #expect(token.count == 43)
        #expect(try await reset(other, token, to: "short").status == .badRequest)
        #expect(try await reset(other, token, to: "password1234").body.contains("tried first"))
        #expect(try await reset(other, token).status == .ok)
        #expect(try await reset(other, token, to: "yet another password").status == .unprocessableContent)
        #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await other.post("/api/v1/auth/sign-in", Browser.signInBody(Self.ada)).status == .unauthorized)
        #expect(try await other.post("/api/v1/auth/sign-in", Browser.signInBody(Self.ada, password: "a new long password")).status == .ok)
        #expect(try await fixture.mails(to: Self.ada).last?.kind == "password_changed")
        #expect(try await fixture.events("auth.password.changed") == 1)
        let stored = try await fixture.house.house.worker.query("select token_digest from password_resets")
        #expect(try stored[0].decode("token_digest", as: Data.self).count == 32)
    }

    @Test("the mailed page works without scripts: it says what is wrong with a password, sets a good one once, and takes spaces as spaces")
    func page() async throws {
        let fixture = try await AuthFixture.make()
        let (browser, other) = (try await fixture.signedIn(), fixture.browser())
        _ = try await other.post("/api/v1/auth/password/forgot", #"{"email":"ada@example.com"}"#)
        let token = try await fixture.linkToken(for: Self.ada)
        func send(_ password: String) async throws -> Browser.Answer {
            try await other.send(
                "/reset-password", .post, "token=\(token)&password=\(password)", [.contentType: "application/x-www-form-urlencoded"])
        }
        for _ in 0..<2 {
            let page = try await other.get("/reset-password?token=\(token)")
            #expect(page.status == .ok && page.body.contains("autocomplete=\"new-password\""))
        }
        #expect(try await other.get("/reset-password").status == .unprocessableContent)
        let short = try await send("short")
        #expect(short.status == .badRequest && short.body.contains("at least 8 characters") && short.body.contains(token))
        #expect(try await send("four+words+make+one").status == .ok)
        #expect(try await send("another+good+password").status == .unprocessableContent)
        #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await other.post("/api/v1/auth/sign-in", Browser.signInBody(Self.ada, password: "four words make one")).status == .ok)
    }

    @Test("an unknown address gets the same answer and no mail; a known one at most one a minute and three an hour")
    func neutral() async throws {
        let fixture = try await AuthFixture.make()
        _ = try await fixture.signedIn()
        let browser = fixture.browser()
        func forget(_ email: String) async throws -> Browser.Answer {
            try await browser.post("/api/v1/auth/password/forgot", #"{"email":"\#(email)"}"#)
        }
        func links() async throws -> Int { try await fixture.mails(to: Self.ada).count { $0.kind == "password_reset" } }
        let (known, unknown, odd) = (try await forget(Self.ada), try await forget("eve@example.com"), try await forget("\\\"eve\\\"@example.com"))
        #expect(known.status == unknown.status && known.body == unknown.body && odd.body == known.body)
        #expect(try await fixture.mails(to: "eve@example.com").isEmpty)
        _ = try await forget(Self.ada)
        #expect(try await links() == 1)
        for _ in 0..<5 {
            fixture.house.clock.advance(by: .seconds(61))
            _ = try await forget(Self.ada)
        }
        #expect(try await links() == 3)
    }

    @Test("a link is good for an hour; a newer one replaces it; of many uses at once one counts")
    func lifetime() async throws {
        let fixture = try await AuthFixture.make()
        _ = try await fixture.signedIn()
        let browser = fixture.browser()
        func link() async throws -> String {
            _ = try await browser.post("/api/v1/auth/password/forgot", #"{"email":"ada@example.com"}"#)
            return try await fixture.linkToken(for: Self.ada)
        }
        let first = try await link()
        fixture.house.clock.advance(by: .seconds(61))
        let second = try await link()
        #expect(first != second)
        #expect(try await reset(browser, first).status == .unprocessableContent)
        fixture.house.clock.advance(by: .seconds(3_601))
        #expect(try await reset(browser, second).status == .unprocessableContent)
        let third = try await link()
        let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
            for number in 0..<6 { group.addTask { try await reset(browser, third, to: "password of guesser \(number)").status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == .ok } == 1)
    }

    @Test("changing needs the old password, ends the other sessions, and this one goes on under a new token")
    func change() async throws {
        let fixture = try await AuthFixture.make()
        let (browser, other) = (try await fixture.signedIn(), fixture.browser())
        _ = try await other.post("/api/v1/auth/sign-in", Browser.signInBody(Self.ada))
        let before = browser.cookieHeader
        let wrong = try await browser.post("/api/v1/auth/password/change", #"{"current":"wrong horse battery","new":"a new long password"}"#)
        #expect(wrong.status == .forbidden && wrong.body.contains("wrong_password"))
        let right = try await browser.post("/api/v1/auth/password/change", #"{"current":"correct horse battery","new":"a new long password"}"#)
        #expect(right.status == .ok)
        #expect(try await browser.get("/api/v1/auth/session").status == .ok)
        #expect(try await other.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await fixture.browser().get("/api/v1/auth/session", [.cookie: before]).status == .unauthorized)
    }

    @Test("a password hashed at a lower cost is hashed again at sign-in")
    func rehash() async throws {
        let fixture = try await AuthFixture.make()
        _ = try await fixture.signedIn()
        let weak = PasswordHasher(threads: 1, waiting: 1, parameters: .init(logRounds: 10, blockSize: 8, parallelism: 1))
        let hash = try await weak.hash(try Password(new: "correct horse battery"))
        try await fixture.house.house.worker.query("update credentials set payload = jsonb_set(payload, '{hash}', to_jsonb(\(hash)::text))")
        let browser = fixture.browser()
        #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody(Self.ada)).status == .ok)
        let stored: String = try await fixture.house.house.worker.query("select payload ->> 'hash' as hash from credentials")[0].decode("hash")
        #expect(stored.hasPrefix("$scrypt$ln=10,r=8,p=3$"))
        #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody(Self.ada)).status == .ok)
    }

    @Test(
        "the passwords that guessers try first are refused, others are not",
        arguments: [
            ("password", true), ("Password1!", true), ("qwertyuiop", true), ("Summer2024", true), ("penguinmails1", true), ("aaaaaaaaaa", true),
            ("abababababab", true), ("12345678", true), ("correct horse battery", false), ("my summer house", false), ("tr0ub4dor&3x", false),
            ("日本語のパスワード", false),
        ])
    func common(password: String, isCommon: Bool) {
        #expect(CommonPasswords.contains(password) == isCommon)
    }
}

@Suite("A new address")
struct EmailChangeTests {
    private func tokens(_ fixture: AuthFixture, _ addresses: String...) async throws -> [String] {
        var tokens: [String] = []
        for address in addresses { tokens.append(try await fixture.linkToken(for: address)) }
        return tokens
    }

    private func confirm(_ browser: Browser, _ token: String) async throws -> Browser.Answer {
        try await browser.post("/api/v1/auth/email/confirm", #"{"token":"\#(token)"}"#)
    }

    @Test("it counts when both addresses have agreed, then every session ends and old mails open nothing", arguments: [true, false])
    func change(oldFirst: Bool) async throws {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        _ = try await browser.post("/api/v1/auth/password/forgot", #"{"email":"ada@example.com"}"#)
        let stale = try await fixture.linkToken(for: "ada@example.com")
        #expect(try await browser.post("/api/v1/auth/email/change", #"{"email":"Ada@New.example"}"#).status == .accepted)
        #expect(try await browser.post("/api/v1/auth/email/change", #"{"email":"ada@other.example"}"#).status == .tooManyRequests)
        let links = try await tokens(fixture, "ada@example.com", "ada@new.example")
        let order = oldFirst ? links : links.reversed()
        // A scanner looks at both.
        for link in links { #expect(try await browser.get("/email-change?token=\(link)").body.contains("Yes, change it")) }
        #expect(try await confirm(browser, order[0]).member("status") == "waiting_for_other_address")
        #expect(try await browser.get("/api/v1/auth/session").body.contains("ada@example.com"))
        let page = try await browser.send("/email-change", .post, "token=\(order[1])", [.contentType: "application/x-www-form-urlencoded"])
        #expect(page.body.contains("Your address is changed"))
        #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).status == .unauthorized)
        #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@new.example")).status == .ok)
        #expect(
            try await browser.post("/api/v1/auth/password/reset", #"{"token":"\#(stale)","password":"a new long password"}"#).status
                == .unprocessableContent)
        #expect(try await confirm(browser, links[0]).status == .unprocessableContent)
    }

    @Test("an address that is taken looks the same, and never becomes ours; a change ends after an hour and with the next one")
    func refused() async throws {
        let fixture = try await AuthFixture.make()
        let (browser, _) = (try await fixture.signedIn(), try await fixture.signedIn("eve@example.com"))
        #expect(try await browser.post("/api/v1/auth/email/change", #"{"email":"eve@example.com"}"#).status == .accepted)
        #expect(try await fixture.mails(to: "eve@example.com").last?.kind == "already_registered")
        fixture.house.clock.advance(by: .seconds(61))
        // Somebody signs up with the new address before both sides have agreed.
        _ = try await browser.post("/api/v1/auth/email/change", #"{"email":"bob@example.com"}"#)
        let race = try await tokens(fixture, "ada@example.com", "bob@example.com")
        _ = try await fixture.signedIn("bob@example.com")
        #expect(try await confirm(browser, race[0]).member("status") == "waiting_for_other_address")
        #expect(try await confirm(browser, race[1]).status == .unprocessableContent)
        fixture.house.clock.advance(by: .seconds(61))
        _ = try await browser.post("/api/v1/auth/email/change", #"{"email":"ada@new.example"}"#)
        let first = try await tokens(fixture, "ada@example.com", "ada@new.example")
        fixture.house.clock.advance(by: .seconds(61))
        _ = try await browser.post("/api/v1/auth/email/change", #"{"email":"ada@newer.example"}"#)
        #expect(try await confirm(browser, first[1]).status == .unprocessableContent)
        let second = try await tokens(fixture, "ada@example.com", "ada@newer.example")
        #expect(try await confirm(browser, second[0]).status == .ok)
        fixture.house.clock.advance(by: .seconds(3_601))
        #expect(try await confirm(browser, second[1]).status == .unprocessableContent)
        #expect(try await browser.post("/api/v1/auth/email/change", #"{"email":"ada@late.example"}"#).body.contains("step_up_required"))
    }
}

@Suite("Guessing is slowed down")
struct ThrottleTests {
    private func guess(_ fixture: AuthFixture, _ browser: Browser, _ email: String = "ada@example.com", from client: String = "203.0.113.7")
        async throws
        -> Browser.Answer
    {
        try await browser.post("/api/v1/auth/sign-in", Browser.signInBody(email, password: "wrong horse battery"), [.init("X-Real-IP")!: client])
    }

    @Test("five failures block an account from a network, for the right password and for unknown addresses alike; the pause grows and ends")
    func account() async throws {
        let fixture = try await AuthFixture.make()
        _ = try await fixture.signedIn()
        let browser = fixture.browser()
        for email in ["ada@example.com", "nobody@example.com"] {
            for _ in 0..<5 { #expect(try await guess(fixture, browser, email).status == .unauthorized) }
            let blocked = try await guess(fixture, browser, email)
            #expect(blocked.status == .tooManyRequests && blocked.headers[.retryAfter] == "900")
        }
        func right(_ client: String) async throws -> Browser.Answer {
            try await fixture.browser().post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"), [.init("X-Real-IP")!: client])
        }
        #expect(try await right("203.0.113.7").status == .tooManyRequests)
        // The owner, elsewhere, is not locked out by a guesser.
        #expect(try await right("198.51.100.9").status == .ok)
        fixture.house.clock.advance(by: .seconds(901))
        for _ in 0..<5 { #expect(try await guess(fixture, browser).status == .unauthorized) }
        #expect(try await guess(fixture, browser).headers[.retryAfter] == "1800")
        fixture.house.clock.advance(by: .seconds(1_801))
        #expect(try await right("203.0.113.7").status == .ok)
    }

    @Test("parallel guesses share the five")
    func parallel() async throws {
        let fixture = try await AuthFixture.make()
        let browsers = (0..<24).map { _ in fixture.browser() }
        for browser in browsers { _ = try await browser.get("/api/v1/auth/csrf") }
        let throttle = Throttle(database: fixture.house.house.worker, clock: fixture.house.clock.clock)
        let attempt = Throttle.Attempt.signIn("ada@example.com", from: "203.0.113.7")
        try await withThrowingTaskGroup { group in
            for _ in 0..<24 { group.addTask { try await throttle.failed(attempt) } }
            try await group.waitForAll()
        }
        #expect(try await throttle.pause(before: attempt) != nil)
        let failures: Int = try await fixture.house.house.worker.query(
            "select sum(failures + blocks * 5)::bigint as n from throttles where key like 'account:%'")[0].decode("n")
        #expect(failures == 24)
    }

    @Test(
        "whoever has a /64 is one, and an address in another guise is the same",
        arguments: [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true), ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::ffff:203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
        ])
    func networks(first: String, second: String, isSame: Bool) {
        #expect((Network(of: first) == Network(of: second)) == isSame)
    }
}
