import Configuration
import Contracts
import Foundation
import HTTPTypes
import Postgres
import Primitives
import ServiceRuntime
import TestSupport
import Testing

@testable import Auth

@Suite("Signing in through a provider")
struct OpenIDTests {
    /// The service, and a provider that it is configured for.
    private struct Ground: Sendable {
        let fixture: AuthFixture
        let provider: OpenIDProviderDouble
        let clock: TestClock

        func count(_ table: String) async throws -> Int {
            let statement: SQL = table == "users" ? "select count(*) as n from users.users" : "select count(*) as n from openid_identities"
            return try await fixture.house.house.worker.query(statement)[0].decode("n")
        }

        func begin(_ browser: Browser, link: Bool = false) async throws -> Browser.Answer {
            try await browser.post("/api/v1/auth/openid/google/begin", #"{"link":\#(link)}"#)
        }

        /// Begins and says yes at the provider: where the browser is sent back to.
        func wayBack(_ browser: Browser, as person: OpenIDProviderDouble.Person, link: Bool = false) async throws -> String {
            let url = try #require(try await begin(browser, link: link).member("authorize_url"))
            return "/api/v1/auth/openid/google/callback?" + (try #require(provider.approve(url, as: person)))
        }

        /// Comes back: the page on which the browser ends.
        func arrive(_ browser: Browser, _ path: String) async throws -> String {
            let answer = try await browser.get(path)
            #expect(answer.status == .seeOther)
            return answer.headers[.location] ?? ""
        }

        /// There and back: the page on which the browser ends.
        func trip(_ browser: Browser, as person: OpenIDProviderDouble.Person = .init(), link: Bool = false) async throws -> String {
            try await arrive(browser, try await wayBack(browser, as: person, link: link))
        }
    }

    private func with(
        _ algorithm: OpenIDProviderDouble.Algorithm = .es256, _ body: @escaping @Sendable (Ground) async throws -> Void
    ) async throws {
        let clock = TestClock()
        let provider = try await OpenIDProviderDouble(algorithm, clock: clock.clock)
        try await provider.serve { issuer in
            let house = try await TestHouse.make(
                for: AuthService.self,
                configuration: [
                    "mail.host": "127.0.0.1", "mail.port": "1", "mail.from": "hello@penguinmails.test", "password.log.rounds": "10",
                    "openid.google.issuer": issuer, "openid.google.client.id": OpenIDProviderDouble.clientID,
                    "openid.google.client.secret": OpenIDProviderDouble.clientSecret,
                ], clock: clock)
            let fixture = AuthFixture(house: house, service: try await AuthService(house.house))
            try await body(Ground(fixture: fixture, provider: provider, clock: clock))
        }
    }

    @Test(
        "a new person gets an account, a company and a session, and comes back to them under another address",
        arguments: OpenIDProviderDouble.Algorithm.allCases)
    func newAndReturning(_ algorithm: OpenIDProviderDouble.Algorithm) async throws {
        try await with(algorithm) { ground in
            let browser = ground.fixture.browser()
            #expect(try await browser.get("/api/v1/auth/openid").body == #"{"providers":["google"]}"#)
            #expect(try await ground.trip(browser) == "/dashboard")
            let session = try await browser.get("/api/v1/auth/session")
            #expect(session.status == .ok && session.body.contains(#""email":"ada@example.com""#) && session.body.contains(#""verified":true"#))
            #expect(session.body.contains(#""name":"Ada Lovelace""#) && session.body.contains(#""role":"owner""#))
            #expect(!browser.cookieHeader.contains("__Host-penguin.openid"))
            for event in ["auth.user.signedUp", "auth.tenant.created", "auth.openID.linked", "auth.session.started"] {
                #expect(try await ground.fixture.events(event) == 1, "\(event)")
            }
            let again = ground.fixture.browser()
            // Who somebody is does not depend on the address, nor on what the provider says of it now.
            let person = OpenIDProviderDouble.Person(email: "countess@example.com", isEmailVerified: false, name: nil)
            #expect(try await ground.trip(again, as: person) == "/dashboard")
            #expect(try await again.get("/api/v1/auth/session").body.contains(#""email":"ada@example.com""#))
            #expect(try await ground.count("users") == 1)
        }
    }

    @Test("an address that has an account opens nothing, until its person links the provider with a fresh password")
    func linking() async throws {
        try await with { ground in
            let (ada, stranger) = (try await ground.fixture.signedIn(), ground.fixture.browser())
            #expect(try await ground.trip(stranger) == "/login?error=openid_not_linked")
            #expect(try await stranger.get("/api/v1/auth/session").status == .unauthorized)
            #expect(try await ground.fixture.events("auth.signIn.failed") == 1)
            #expect(try await ground.begin(stranger, link: true).status == .unauthorized)
            ground.clock.advance(by: .seconds(16 * 60))
            let stale = try await ground.begin(ada, link: true)
            #expect(stale.status == .forbidden && stale.body.contains("step_up_required"))
            #expect(try await ada.post("/api/v1/auth/step-up", #"{"password":"correct horse battery"}"#).status == .noContent)
            // The provider's address plays no part.
            let person = OpenIDProviderDouble.Person(email: "private@example.org", isEmailVerified: nil)
            #expect(try await ground.trip(ada, as: person, link: true) == "/dashboard")
            #expect(try await ground.trip(ada, as: person, link: true) == "/dashboard")
            #expect(try await ground.fixture.events("auth.openID.linked") == 1)
            #expect(try await ground.trip(stranger, as: person) == "/dashboard")
            #expect(try await stranger.get("/api/v1/auth/session").body.contains(#""email":"ada@example.com""#))
            #expect(try await ground.count("users") == 1)
        }
    }

    @Test("a link is for the session that asked for it, and an identity is one person's")
    func linkIsBound() async throws {
        try await with { ground in
            let ada = try await ground.fixture.signedIn()
            let path = try await ground.wayBack(ada, as: .init(subject: "hers"), link: true)
            #expect(try await ada.post("/api/v1/auth/sign-out", "{}").status == .noContent)
            #expect(try await ground.arrive(ada, path) == "/login?error=openid_session_ended")
            #expect(try await ground.count("identities") == 0)
            let bob = OpenIDProviderDouble.Person(subject: "his", email: "bob@example.com", name: "Bob")
            #expect(try await ground.trip(ground.fixture.browser(), as: bob) == "/dashboard")
            _ = try await ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
            #expect(try await ground.trip(ada, as: bob, link: true) == "/login?error=openid_taken")
            #expect(try await ground.count("identities") == 1)
        }
    }

    @Test("a linked provider is listed, its owner is told, and it can be taken off, but never the last way in")
    func unlink() async throws {
        try await with { ground in
            let ada = try await ground.fixture.signedIn()
            #expect(try await ground.trip(ada, as: .init(subject: "hers"), link: true) == "/dashboard")
            #expect(try await ground.fixture.mails(to: "ada@example.com").last?.kind == "provider_linked")
            let issuer = try #require(
                try await ada.get("/api/v1/auth/openid/links").body.firstMatch(of: /"issuer":"([^"]+)"/).map {
                    String($0.1).replacing("\\/", with: "/")
                })
            func unlink(_ browser: Browser, _ issuer: String) async throws -> Browser.Answer {
                try await browser.post("/api/v1/auth/openid/unlink", #"{"issuer":"\#(issuer)"}"#)
            }
            #expect(try await unlink(ada, "https://accounts.example.com").status == .notFound)
            #expect(try await unlink(ada, issuer).status == .noContent)
            #expect(try await ada.get("/api/v1/auth/openid/links").body == #"{"links":[]}"#)
            let bob = ground.fixture.browser()
            let his = OpenIDProviderDouble.Person(subject: "his", email: "bob@example.com", name: "Bob")
            #expect(try await ground.trip(bob, as: his) == "/dashboard")
            #expect(try await unlink(bob, issuer).body.contains("last_way_in"))
            #expect(try await ground.trip(ground.fixture.browser(), as: his) == "/dashboard")
        }
    }

    @Test("an account whose address is not proven links nothing")
    func unverifiedAccount() async throws {
        try await with { ground in
            let browser = ground.fixture.browser()
            _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
            #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).status == .ok)
            #expect(try await ground.begin(browser, link: true).status == .forbidden)
        }
    }

    @Test("an address that the provider did not prove makes no account, and tells nobody who has one", arguments: [false, nil] as [Bool?])
    func unverified(_ isVerified: Bool?) async throws {
        try await with { ground in
            _ = try await ground.fixture.signedIn()
            for email in ["ada@example.com", "new@example.com", nil] {
                let person = OpenIDProviderDouble.Person(email: email, isEmailVerified: isVerified)
                #expect(try await ground.trip(ground.fixture.browser(), as: person) == "/login?error=openid_email_unverified")
            }
            #expect(try await ground.count("users") == 1)
        }
    }

    @Test("the provider stands for the password, not for the second factor")
    func factor() async throws {
        try await with { ground in
            let browser = ground.fixture.browser()
            _ = try await ground.trip(browser)
            let secret = Self.base32(try #require(try await browser.post("/api/v1/auth/totp", "{}").member("secret")))
            func code() -> String { OneTimeCode.code(secret, step: OneTimeCode.step(at: ground.clock.clock.now)) }
            #expect(try await browser.post("/api/v1/auth/totp/confirm", #"{"code":"\#(code())"}"#).status == .ok)
            ground.clock.advance(by: .seconds(30))
            let other = ground.fixture.browser()
            let page = try await ground.trip(other)
            #expect(page.hasPrefix("/login#factor="))
            #expect(try await other.get("/api/v1/auth/session").status == .unauthorized)
            let challenge = page.dropFirst("/login#factor=".count)
            let met = try await other.post("/api/v1/auth/sign-in/factor", #"{"challenge":"\#(challenge)","code":"\#(code())"}"#)
            #expect(met.status == .ok)
            #expect(try await other.get("/api/v1/auth/sessions").body.contains(#""assurance":2"#))
        }
    }

    @Test("who is suspended stays out by this door too")
    func suspended() async throws {
        try await with { ground in
            _ = try await ground.trip(ground.fixture.browser())
            try await ground.fixture.house.house.worker.query("update users.users set suspended_at = now()")
            #expect(try await ground.trip(ground.fixture.browser()) == "/login?error=no_access")
        }
    }

    @Test("a token that is wrong in any way is not believed", arguments: OpenIDProviderDouble.Lie.allCases)
    func lies(_ lie: OpenIDProviderDouble.Lie) async throws {
        try await with { ground async throws in
            ground.provider.lie(lie)
            let browser = ground.fixture.browser()
            #expect(try await ground.trip(browser) == "/login?error=openid_failed")
            #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
            #expect(try await ground.count("users") == 0)
        }
    }

    @Test("a provider whose document names another issuer is not asked for anybody")
    func otherIssuer() async throws {
        try await with { ground async throws in
            ground.provider.claimToBe("https://accounts.example.com")
            #expect(try await ground.begin(ground.fixture.browser()).status == .serviceUnavailable)
        }
    }

    @Test("new keys are looked for when a token names one, but not more than once a minute")
    func rotation() async throws {
        try await with { ground in
            #expect(try await ground.trip(ground.fixture.browser()) == "/dashboard")
            #expect(try await ground.trip(ground.fixture.browser()) == "/dashboard")
            #expect(ground.provider.keyRequests == 1)
            try await ground.provider.rotate()
            #expect(try await ground.trip(ground.fixture.browser()) == "/login?error=openid_failed")
            #expect(ground.provider.keyRequests == 1)
            ground.clock.advance(by: .seconds(61))
            #expect(try await ground.trip(ground.fixture.browser()) == "/dashboard")
            #expect(ground.provider.keyRequests == 2)
        }
    }

    @Test("a way back is good once, for a quarter of an hour, in the browser that went")
    func bound() async throws {
        try await with { ground in
            let (browser, other) = (ground.fixture.browser(), ground.fixture.browser())
            let path = try await ground.wayBack(browser, as: .init())
            // With a binding of its own, and without one; neither spoils the trip.
            _ = try await ground.begin(other)
            #expect(try await ground.arrive(other, path) == "/login?error=openid_flow")
            #expect(try await ground.arrive(ground.fixture.browser(), path) == "/login?error=openid_flow")
            let cookie = browser.cookieHeader
            #expect(try await ground.arrive(browser, path) == "/dashboard")
            let replay = try await other.get(path, [.cookie: cookie])
            #expect(replay.headers[.location] == "/login?error=openid_flow" && replay.headers[values: .setCookie].count == 1)
            let late = try await ground.wayBack(other, as: .init())
            ground.clock.advance(by: .seconds(15 * 60))
            #expect(try await ground.arrive(other, late) == "/login?error=openid_flow")
            // Said no there.
            #expect(try await ground.arrive(other, "/api/v1/auth/openid/google/callback?error=access_denied") == "/login?error=openid_denied")
        }
    }

    @Test("beginning is for our own pages")
    func crossSite() async throws {
        try await with { ground in
            let json: HTTPFields = [.contentType: "application/json"]
            let answer = try await ground.fixture.browser().send("/api/v1/auth/openid/google/begin", .post, "{}", json)
            #expect(answer.status == .forbidden && answer.body.contains("csrf"))
        }
    }

    @Test("it is off until it is configured")
    func off() async throws {
        let browser = try await AuthFixture.make().browser()
        #expect(try await browser.get("/api/v1/auth/openid").body == #"{"providers":[]}"#)
        for name in ["google", "microsoft", "unknown"] {
            #expect(try await browser.post("/api/v1/auth/openid/\(name)/begin", "{}").status == .notFound)
            let cookie: HTTPFields = [.cookie: "__Host-penguin.openid=planted"]
            let back = try await browser.get("/api/v1/auth/openid/\(name)/callback?code=a&state=b", cookie)
            #expect(back.headers[.location] == "/login?error=openid_off")
        }
    }

    private static let microsoft = [
        "openid.microsoft.client.id": "id", "openid.microsoft.client.secret": "secret",
        "openid.microsoft.issuer": "https://login.microsoftonline.com/9f2c0a4e-6d0b-4a53-8c26-0f1f3ad1c001/v2.0",
    ]

    private static func configured(_ values: [String: String]) throws -> [OpenIDProvider] {
        let entries = values.map { (AbsoluteConfigKey($0.key.split(separator: ".").map(String.init)), ConfigValue(stringLiteral: $0.value)) }
        let provider = InMemoryProvider(values: Dictionary(uniqueKeysWithValues: entries))
        return try OpenIDProvider.configured(try Settings(ConfigReader(provider: provider), keys: OpenIDProvider.keys))
    }

    @Test("Microsoft is one tenant's issuer; settings that cannot work are refused at the start")
    func settings() throws {
        #expect(try Self.configured([:]).isEmpty)
        #expect(try Self.configured(Self.microsoft).map(\.name) == [.microsoft])
        let google = try Self.configured(["openid.google.client.id": "id", "openid.google.client.secret": "secret"])
        #expect(google.map(\.issuer) == ["https://accounts.google.com"])
        let wrong = [
            "https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/Organizations/v2.0",
            "https://login.microsoftonline.com/consumers/v2.0", "http://login.microsoftonline.com/a-tenant/v2.0", "a-tenant",
        ]
        for issuer in wrong {
            let values = Self.microsoft.merging(["openid.microsoft.issuer": issuer]) { $1 }
            #expect(throws: SettingsError.self, "\(issuer)") { try Self.configured(values) }
        }
        for key in ["issuer", "client.secret"].map({ "openid.microsoft.\($0)" }) {
            #expect(throws: SettingsError.self) { try Self.configured(Self.microsoft.filter { $0.key != key }) }
        }
    }

    /// The secret as an authenticator app reads it.
    private static func base32(_ text: String) -> Data {
        var (bytes, buffer, bits) = (Data(), UInt32(0), 0)
        for character in text.utf8 {
            buffer = (buffer << 5 | UInt32(character >= 65 ? character - 65 : character - 24)) & 0xFFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        return bytes
    }
}
