import Contracts
import Foundation
import HTTPTypes
import Streams
import TestSupport
import Testing

@testable import Auth

@Suite("Second factors")
struct FactorTests {
    @Test(
        "the codes are those of RFC 6238, appendix B",
        arguments: [
            (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"), (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] as [(TimeInterval, String)])
    func vectors(time: TimeInterval, code: String) {
        let secret = Data("12345678901234567890".utf8)
        let instant = Date(timeIntervalSince1970: time)
        #expect(OneTimeCode.code(secret, step: OneTimeCode.step(at: instant)) == code)
        #expect(OneTimeCode.match(code, secret, at: instant.addingTimeInterval(30), after: 0) == OneTimeCode.step(at: instant))
        #expect(OneTimeCode.match(code, secret, at: instant.addingTimeInterval(60), after: 0) == nil)
        #expect(OneTimeCode.match(code, secret, at: instant, after: OneTimeCode.step(at: instant)) == nil)
    }

    @Test("base 32 as in RFC 4648", arguments: [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")])
    func base32(text: String, encoded: String) {
        #expect(Base32.encode(Data(text.utf8)) == encoded)
    }

    /// The secret as the authenticator app keeps it.
    private struct App {
        let secret: Data

        init(base32: String) {
            var bits = ""
            for character in base32.utf8 {
                let value = character >= 65 ? Int(character) - 65 : Int(character) - 24
                let digits = String(value, radix: 2)
                bits += String(repeating: "0", count: 5 - digits.count) + digits
            }
            var bytes = Data()
            var rest = Substring(bits)
            while rest.count >= 8 {
                bytes.append(UInt8(rest.prefix(8), radix: 2)!)
                rest = rest.dropFirst(8)
            }
            secret = bytes
        }

        func code(at instant: Date) -> String { OneTimeCode.code(secret, step: OneTimeCode.step(at: instant)) }
    }

    private func enrolled() async throws -> (AuthFixture, Browser, App, [String]) {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        let begun = try await browser.post("/api/v1/auth/totp", "{}")
        #expect(begun.status == .created && begun.body.contains("otpauth:"))
        let app = App(base32: try #require(begun.member("secret")))
        #expect(app.secret.count == 20)
        #expect(try await browser.post("/api/v1/auth/totp/confirm", #"{"code":"000000"}"#).status == .unauthorized)
        let confirmed = try await browser.post("/api/v1/auth/totp/confirm", #"{"code":"\#(app.code(at: fixture.house.clock.clock.now))"}"#)
        #expect(confirmed.status == .ok)
        let codes = confirmed.body.matches(of: /[A-Z2-7]{4}(?:-[A-Z2-7]{4}){5}/).map { String($0.0) }
        #expect(Set(codes).count == 10)
        fixture.house.clock.advance(by: .seconds(30))
        return (fixture, browser, app, codes)
    }

    private func challenge(_ browser: Browser) async throws -> String {
        let answer = try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
        #expect(answer.status == .accepted && answer.member("status") == "factor_required" && answer.headers[.setCookie] == nil)
        return try #require(answer.member("challenge"))
    }

    private func meet(_ browser: Browser, _ challenge: String, _ shown: String) async throws -> Browser.Answer {
        try await browser.post("/api/v1/auth/sign-in/factor", #"{"challenge":"\#(challenge)",\#(shown)}"#)
    }

    @Test("a password alone is no session any more; with a code it is one of assurance 2, and no code counts twice")
    func signIn() async throws {
        let (fixture, _, app, _) = try await enrolled()
        let (first, second) = (fixture.browser(), fixture.browser())
        let (one, two) = (try await challenge(first), try await challenge(second))
        #expect(try await first.get("/api/v1/auth/session").status == .unauthorized)
        let code = #""code":"\#(app.code(at: fixture.house.clock.clock.now))""#
        #expect(try await meet(first, one, code).status == .ok)
        let replay = try await meet(second, two, code)
        #expect(replay.status == .unauthorized && replay.body.contains("wrong_code"))
        // A met challenge is over, also with a code of its own.
        fixture.house.clock.advance(by: .seconds(30))
        #expect(try await meet(second, one, #""code":"\#(app.code(at: fixture.house.clock.clock.now))""#).status == .unauthorized)
        #expect(try await first.get("/api/v1/auth/sessions").body.contains(#""assurance":2"#))
    }

    @Test("of the same code shown many times at once, one counts")
    func race() async throws {
        let (fixture, _, app, _) = try await enrolled()
        var entries: [(Browser, String)] = []
        for _ in 0..<5 {
            let browser = fixture.browser()
            entries.append((browser, try await challenge(browser)))
        }
        let code = #""code":"\#(app.code(at: fixture.house.clock.clock.now))""#
        let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
            for (browser, challenge) in entries { group.addTask { try await meet(browser, challenge, code).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == .ok } == 1)
    }

    @Test("a challenge takes five tries and five minutes, an account ten failures")
    func guessing() async throws {
        let (fixture, _, app, _) = try await enrolled()
        let browser = fixture.browser()
        let first = try await challenge(browser)
        for _ in 0..<5 { #expect(try await meet(browser, first, #""code":"000000""#).status == .unauthorized) }
        #expect(try await meet(browser, first, #""code":"\#(app.code(at: fixture.house.clock.clock.now))""#).status == .unauthorized)
        let second = try await challenge(browser)
        fixture.house.clock.advance(by: .seconds(301))
        #expect(try await meet(browser, second, #""code":"\#(app.code(at: fixture.house.clock.clock.now))""#).status == .unauthorized)
        let third = try await challenge(browser)
        for _ in 0..<5 { _ = try await meet(browser, third, #""code":"000000""#) }
        let fourth = try await challenge(browser)
        let blocked = try await meet(browser, fourth, #""code":"\#(app.code(at: fixture.house.clock.clock.now))""#)
        #expect(blocked.status == .tooManyRequests && blocked.headers[.retryAfter] == "900")
    }

    @Test("a recovery code signs in once, however it is written; they are stored as digests")
    func recovery() async throws {
        let (fixture, browser, _, codes) = try await enrolled()
        let other = fixture.browser()
        let written = codes[3].lowercased().replacingOccurrences(of: "-", with: " ")
        #expect(try await meet(other, challenge(other), #""recovery_code":"\#(written)""#).status == .ok)
        let again = fixture.browser()
        #expect(try await meet(again, challenge(again), #""recovery_code":"\#(codes[3])""#).status == .unauthorized)
        #expect(try await browser.get("/api/v1/auth/totp").body.contains(#""recovery_codes_left":9"#))
        #expect(
            try await fixture.house.house.worker.query("select digest from recovery_codes where digest = \(RecoveryCode.digest(codes[0]))").count == 1
        )
    }

    @Test("setting up and switching off need the password of a moment ago; switching off needs a code too, and the owner hears of it")
    func stepUp() async throws {
        let (fixture, browser, app, _) = try await enrolled()
        fixture.house.clock.advance(by: .seconds(15 * 60))
        func disable() async throws -> Browser.Answer {
            try await browser.post("/api/v1/auth/totp/disable", #"{"code":"\#(app.code(at: fixture.house.clock.clock.now))"}"#)
        }
        let stale = try await disable()
        #expect(stale.status == .forbidden && stale.body.contains("step_up_required"))
        #expect(try await browser.post("/api/v1/auth/step-up", #"{"password":"wrong horse battery"}"#).status == .forbidden)
        let before = browser.cookieHeader
        #expect(try await browser.post("/api/v1/auth/step-up", #"{"password":"correct horse battery"}"#).status == .noContent)
        #expect(browser.cookieHeader != before)
        #expect(try await browser.post("/api/v1/auth/totp/disable", #"{"code":"000000"}"#).status == .unauthorized)
        #expect(try await disable().status == .noContent)
        #expect(try await browser.get("/api/v1/auth/totp").body.contains(#""is_enabled":false"#))
        #expect(try await fixture.mails(to: "ada@example.com").last?.subject == "Two-step sign-in is off")
        #expect(try await fixture.browser().post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).status == .ok)
    }

    @Test("the secret lies sealed in the database, and a reset of the password leaves the factor")
    func survivesReset() async throws {
        let (fixture, _, app, _) = try await enrolled()
        let sealed: String = try await fixture.house.house.worker.query("select secret_sealed from totp_factors")[0].decode("secret_sealed")
        #expect(sealed.hasPrefix("v1.") && !sealed.contains(Base32.encode(app.secret)))
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/password/forgot", #"{"email":"ada@example.com"}"#)
        let token = try await fixture.linkToken(for: "ada@example.com")
        #expect(
            try await browser.post("/api/v1/auth/password/reset", #"{"token":"\#(token)","password":"a new long password"}"#).status == .ok)
        let answer = try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com", password: "a new long password"))
        #expect(answer.member("status") == "factor_required")
    }
}

@Suite("Devices")
struct DeviceTests {
    @Test("each device is listed with where and when, one or all others can be signed out, and a stranger's cannot")
    func devices() async throws {
        let fixture = try await AuthFixture.make()
        let (browser, phone, tablet) = (try await fixture.signedIn(), fixture.browser(), fixture.browser())
        let agent: HTTPFields = [.userAgent: "Phone/1.0", .init("X-Real-IP")!: "203.0.113.7"]
        _ = try await phone.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"), agent)
        _ = try await tablet.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
        let list = try await browser.get("/api/v1/auth/sessions")
        #expect(list.body.contains("Phone/1.0") && list.body.contains("203.0.113.7"))
        #expect(list.body.matches(of: /"is_current":true/).count == 1 && list.body.matches(of: /"id":/).count == 3)
        let rows = try await fixture.house.house.worker.query("select id from sessions where user_agent = 'Phone/1.0'")
        let identifier: SessionID = try rows[0].decode("id")
        let stranger = try await fixture.signedIn("eve@example.com")
        #expect(try await stranger.post("/api/v1/auth/sessions/\(identifier)", "{}", method: .delete).status == .notFound)
        #expect(try await browser.post("/api/v1/auth/sessions/\(identifier)", "{}", method: .delete).status == .noContent)
        #expect(try await phone.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await tablet.get("/api/v1/auth/session").status == .ok)
        #expect(try await browser.post("/api/v1/auth/sessions/revoke", #"{"scope":"others"}"#).member("revoked") == "1")
        #expect(try await tablet.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await browser.post("/api/v1/auth/sessions/revoke", #"{"scope":"all"}"#).status == .ok)
        #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await stranger.get("/api/v1/auth/session").status == .ok)
    }

    @Test("whoever signed up with a stranger's address is signed out when the stranger proves it")
    func preHijack() async throws {
        let fixture = try await AuthFixture.make()
        let (attacker, owner) = (fixture.browser(), fixture.browser())
        _ = try await attacker.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        _ = try await attacker.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
        #expect(try await attacker.get("/api/v1/auth/session").status == .ok)
        _ = try await owner.post(
            "/api/v1/auth/verify-email", #"{"email":"ada@example.com","code":"\#(try await fixture.code(for: "ada@example.com"))"}"#)
        #expect(try await attacker.get("/api/v1/auth/session").status == .unauthorized)
    }

    @Test("another replica stops serving a revoked session at once, and serves nothing from memory while it cannot hear of revocations")
    func replicas() async throws {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        let question: HTTPFields = [.init("X-Audience")!: "campaigns", .init("X-Original-Method")!: "GET"]
        #expect(try await browser.get("/gateway/authenticate", question).status == .ok)
        let cache = SessionCache()
        let redis = fixture.house.house.redis
        let channel = RevocationChannel(cache: cache, redis: redis, client: RedisClient(redis), logger: fixture.house.house.logger)
        let token = SessionToken(text: "t")
        let session = Session(
            id: SessionID(UUID()), user: UserID(UUID()), email: "", name: "", isVerified: true, tenant: TenantID(UUID()), tenantName: "",
            role: "owner",
            lastSeenAt: Date(), authenticatedAt: Date(), assurance: 1, expiresAt: .distantFuture)
        // Nobody listens yet: nothing is kept.
        cache.keep(session, for: token, since: cache.generation)
        #expect(cache.find(token) == nil)
        try await fixture.house.withBackground([channel]) {
            try await eventually("it listens and serves from memory") {
                cache.keep(session, for: token, since: cache.generation)
                return cache.find(token) != nil
            }
            let before = cache.generation
            // As another replica does.
            await RevocationChannel(cache: SessionCache(), redis: redis, client: RedisClient(redis), logger: fixture.house.house.logger).announce()
            try await eventually("it has heard") { cache.generation != before }
            cache.keep(session, for: token, since: before)
            #expect(cache.find(token) == nil)
        }
        cache.heard()
        cache.keep(session, for: token, since: cache.generation)
        #expect(cache.find(token) != nil)
        cache.distrust()
        #expect(cache.find(token) == nil)
    }
}
