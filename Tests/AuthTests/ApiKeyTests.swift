import Contracts
import Foundation
import HTTPTypes
import Primitives
import TestSupport
import Testing

@testable import Auth

@Suite("API keys")
struct ApiKeyTests {
    private func create(_ browser: Browser, scopes: String = #"["campaigns:read"]"#, more: String = "") async throws -> Browser.Answer {
        try await browser.api(.post, "/api/v1/api-keys", #"{"name":"CI","scopes":\#(scopes)\#(more)}"#)
    }

    private func ask(_ fixture: AuthFixture, _ secret: String, _ audience: String, _ method: String = "GET", cookie: String? = nil) async throws
        -> String
    {
        var headers: HTTPFields = [
            .init("X-Audience")!: audience, .init("X-Original-Method")!: method, .authorization: "Bearer \(secret)",
        ]
        headers[.cookie] = cookie
        let answer = try await fixture.browser().send("/gateway/authenticate", .get, nil, headers)
        guard let token = answer.headers[.init("X-Identity-Token")!] else { return answer.headers[.init("X-Auth-Problem")!] ?? "" }
        let payload = try #require(Data(base64URL: String(token.split(separator: ".")[1])))
        return String(decoding: payload, as: UTF8.self)
    }

    @Test("a key is shown once, stored as a digest, and does what its scopes say, without cookie and CSRF token")
    func scopes() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let created = try await create(owner, scopes: #"["campaigns:write","delivery:read"]"#)
        #expect(created.status == .created)
        let secret = try #require(created.member("secret"))
        #expect(secret.hasPrefix("pmk_") && secret.count == 55)
        let list = try await owner.api(.get, "/api/v1/api-keys")
        #expect(list.body.contains(#""hint":"\#(secret.prefix(12))""#) && !list.body.contains(secret))
        #expect(list.body.firstMatch(of: /"id":"[0-9a-f-]{36}"/) != nil, "\(list.body)")
        let stored: Data = try await fixture.house.house.worker.query("select digest from api_keys")[0].decode("digest")
        #expect(stored.count == 32)
        let reading = try await ask(fixture, secret, "campaigns")
        // As a member, since also the files and the rejected rows of what it reads are for members only.
        #expect(reading.contains(#""role":"member""#) && reading.contains(#""apiKey":""#) && reading.contains(#""name":"CI""#))
        #expect(try await ask(fixture, secret, "campaigns", "POST").contains(#""role":"member""#))
        #expect(try await ask(fixture, secret, "delivery").contains("identity"))
        #expect(try await ask(fixture, secret, "delivery", "POST") == "forbidden")
        #expect(try await ask(fixture, secret, "audit") == "forbidden")
        // A key makes no keys, and nobody's cookie lends it more.
        #expect(try await ask(fixture, secret, "auth", "POST", cookie: owner.cookieHeader) == "forbidden")
    }

    @Test("a key for the trail reads at Audit, and does nothing else")
    func trail() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let secret = try #require(try await create(owner, scopes: #"["audit:read"]"#).member("secret"))
        #expect(try await ask(fixture, secret, "audit").contains(#""apiKey":""#))
        #expect(try await ask(fixture, secret, "audit", "POST") == "forbidden")
        #expect(try await ask(fixture, secret, "campaigns") == "forbidden")
    }

    @Test("the keys of a suspended person or company open nothing until they are let on again", arguments: ["users.users", "public.tenants"])
    func suspended(table: String) async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let secret = try #require(try await create(owner).member("secret"))
        let worker = fixture.house.house.worker
        #expect(try await ask(fixture, secret, "campaigns").contains("identity"))
        let isPerson = table == "users.users"
        try await worker.query(isPerson ? "update users.users set suspended_at = now()" : "update public.tenants set suspended_at = now()")
        #expect(try await ask(fixture, secret, "campaigns") == "unauthenticated")
        try await worker.query(isPerson ? "update users.users set suspended_at = null" : "update public.tenants set suspended_at = null")
        #expect(try await ask(fixture, secret, "campaigns").contains("identity"))
    }

    @Test("made-up, altered, revoked and expired keys are nobody's; last use is kept")
    func refused() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let later = "2027-06-01T00:00:00Z"
        let created = try await create(owner, more: #","expires_at":"\#(later)""#)
        let secret = try #require(created.member("secret"), "\(created.body)")
        #expect(try await ask(fixture, secret, "campaigns").contains("identity"))
        #expect(try await owner.api(.get, "/api/v1/api-keys").body.contains("last_used_at"))
        var altered = secret
        altered.replaceSubrange(altered.index(altered.startIndex, offsetBy: 10)...altered.index(altered.startIndex, offsetBy: 10), with: "~")
        for wrong in [altered, ApiKeySecret.random().text, "", "pmk_", String(repeating: "x", count: 5_000)] {
            #expect(try await ask(fixture, wrong, "campaigns") == "unauthenticated")
        }
        #expect(ApiKeySecret(altered) == nil)
        let identifier: UUID = try await fixture.house.house.worker.query("select id from api_keys")[0].decode("id")
        let stranger = try await fixture.signedIn("eve@example.com")
        #expect(try await stranger.api(.delete, "/api/v1/api-keys/\(identifier.text)").status == .notFound)
        #expect(try await owner.api(.delete, "/api/v1/api-keys/\(identifier.text)").status == .noContent)
        #expect(try await ask(fixture, secret, "campaigns") == "unauthenticated")
        let short = try #require(try await create(owner, more: #","expires_at":"\#(later)""#).member("secret"))
        try await fixture.house.house.worker.query("update api_keys set expires_at = created_at")
        #expect(try await ask(fixture, short, "campaigns") == "unauthenticated")
    }

    @Test("a key has so many requests a minute, counted for all replicas")
    func rate() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let secret = try #require(try await create(owner, more: #","requests_per_minute":3"#).member("secret"))
        for _ in 0..<3 { #expect(try await ask(fixture, secret, "campaigns").contains("identity")) }
        #expect(try await ask(fixture, secret, "campaigns") == "rate_limited")
        fixture.house.clock.advance(by: .seconds(60))
        #expect(try await ask(fixture, secret, "campaigns").contains("identity"))
    }

    @Test("only an admin with a proven address and the password of a moment ago makes one, for scopes that there are")
    func making() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        for (scopes, more) in [("[]", ""), (#"["auth:write"]"#, ""), (#"["audit:read"]"#, #","requests_per_minute":0"#)] {
            #expect(try await create(owner, scopes: scopes, more: more).status == .badRequest)
        }
        #expect(try await create(owner, more: #","expires_at":"2001-01-01T00:00:00Z""#).status == .badRequest)
        fixture.house.clock.advance(by: .seconds(901))
        #expect(try await create(owner).body.contains("step_up_required"))
        let unproven = fixture.browser()
        _ = try await unproven.post("/api/v1/auth/sign-up", Browser.signUpBody("new@example.com"))
        _ = try await unproven.post("/api/v1/auth/sign-in", Browser.signInBody("new@example.com"))
        #expect(try await create(unproven).status == .forbidden)
        #expect(try await fixture.events("auth.apiKey.created") == 0)
    }
}
