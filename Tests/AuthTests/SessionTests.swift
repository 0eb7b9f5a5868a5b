import Contracts
import Foundation
import HTTPTypes
import Testing

@testable import Auth

@Suite("Sessions")
struct SessionTests {
    private static let signIn = #"{"email":"ada@example.com","password":"correct horse battery"}"#

    private func signedIn() async throws -> (AuthFixture, Browser, Browser.Answer) {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        let answer = try await browser.post("/api/v1/auth/sign-in", Self.signIn)
        return (fixture, browser, answer)
    }

    @Test("signing in sets a cookie that scripts cannot read, and tells who it is")
    func signInSetsCookie() async throws {
        let (_, browser, answer) = try await signedIn()
        #expect(answer.status == .ok)
        let cookie = try #require(answer.headers[.setCookie])
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] { #expect(cookie.contains(attribute)) }
        #expect(answer.member("role") == "owner")
        let session = try await browser.get("/api/v1/auth/session")
        #expect(session.status == .ok)
    }

    @Test("that nobody is signed in is a 401, and no error to who asks for it as something optional")
    func optional() async throws {
        let (fixture, browser, _) = try await signedIn()
        #expect(try await browser.get("/api/v1/auth/session?optional=true").member("role") == "owner")
        let stranger = fixture.browser()
        for query in ["", "?optional=false"] { #expect(try await stranger.get("/api/v1/auth/session\(query)").status == .unauthorized) }
        let nobody = try await stranger.get("/api/v1/auth/session?optional=true")
        #expect(nobody.status == .noContent && nobody.body.isEmpty && nobody.headers[.cacheControl] == "no-store")
        #expect(try await stranger.get("/api/v1/auth/session?optional=perhaps").status == .badRequest)
    }

    @Test("an unknown address and a wrong password get the same answer, and both are told to the audit trail")
    func failuresLookAlike() async throws {
        let (fixture, _, _) = try await signedIn()
        let stranger = fixture.browser()
        let unknown = try await stranger.post("/api/v1/auth/sign-in", #"{"email":"eve@example.com","password":"correct horse battery"}"#)
        let wrong = try await stranger.post("/api/v1/auth/sign-in", #"{"email":"ada@example.com","password":"wrong horse battery"}"#)
        #expect(unknown.status == .unauthorized)
        #expect(unknown.body == wrong.body)
        #expect(try await fixture.events("auth.signIn.failed") == 2)
    }

    @Test("the database holds no token that a thief could use")
    func tokensAreStoredHashed() async throws {
        let (fixture, browser, _) = try await signedIn()
        let token = try #require(browser.cookieHeader.split(separator: "\(SessionToken.cookieName)=").last?.split(separator: ";").first)
        let rows = try await fixture.house.house.worker.query("select token_digest from sessions")
        let digest: Data = try rows[0].decode("token_digest")
        #expect(digest.count == 32)
        #expect(digest == SessionToken(text: String(token)).digest)
    }

    @Test("signing in again ends the session before it")
    func signInRotates() async throws {
        let (fixture, browser, _) = try await signedIn()
        let old = browser.cookieHeader
        _ = try await browser.post("/api/v1/auth/sign-in", Self.signIn)
        #expect(browser.cookieHeader != old)
        let stale = try await fixture.browser().get("/api/v1/auth/session", [.cookie: old])
        #expect(stale.status == .unauthorized)
    }

    @Test("signing out ends the session at once and removes the cookie")
    func signOut() async throws {
        let (fixture, browser, _) = try await signedIn()
        let cookie = browser.cookieHeader
        #expect(try await browser.post("/api/v1/auth/sign-out", "{}").status == .noContent)
        #expect(!browser.cookieHeader.contains(SessionToken.cookieName))
        #expect(try await fixture.browser().get("/api/v1/auth/session", [.cookie: cookie]).status == .unauthorized)
        #expect(try await fixture.events("auth.session.ended") == 1)
    }

    @Test("a session ends after eight idle hours, and after thirty days whatever happens", arguments: [true, false])
    func sessionsExpire(idle: Bool) async throws {
        let (fixture, browser, _) = try await signedIn()
        if idle {
            fixture.house.clock.advance(by: .seconds(8 * 3_600 + 1))
        } else {
            for _ in 0..<(30 * 4) {
                #expect(try await browser.get("/api/v1/auth/session").status == .ok)
                fixture.house.clock.advance(by: .seconds(6 * 3_600))
            }
        }
        #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
    }
}

@Suite("The gateway's question")
struct GatewayQuestionTests {
    private static let question: HTTPFields = [.init("X-Audience")!: "campaigns", .init("X-Original-Method")!: "GET"]

    private func signedIn() async throws -> (AuthFixture, Browser) {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        _ = try await browser.post("/api/v1/auth/sign-in", #"{"email":"ada@example.com","password":"correct horse battery"}"#)
        return (fixture, browser)
    }

    @Test("a session gives an identity token for the service that was asked for")
    func identity() async throws {
        let (_, browser) = try await signedIn()
        let answer = try await browser.get("/gateway/authenticate", Self.question)
        #expect(answer.status == .ok)
        #expect(answer.headers[.init("X-Identity-Token")!] != nil)
    }

    @Test("no session is 403 with the word that the gateway turns into a 401")
    func anonymous() async throws {
        let answer = try await AuthFixture.make().browser().get("/gateway/authenticate", Self.question)
        #expect(answer.status == .forbidden)
        #expect(answer.headers[.init("X-Auth-Problem")!] == "unauthenticated")
    }

    @Test(
        "an unsafe request needs our token, and a place, where the browser names one, that is ours; the refusal says which",
        arguments: [
            (false, nil, nil, "csrf_token"), (true, "https://evil.example", nil, "csrf_origin"), (true, "https://localhost:8443", nil, nil),
            (true, nil, nil, nil), (true, nil, "cross-site", "csrf_origin"), (true, nil, "same-site", "csrf_origin"), (true, nil, "same-origin", nil),
        ] as [(Bool, String?, String?, String?)])
    func crossSite(withToken: Bool, origin: String?, site: String?, problem: String?) async throws {
        let (_, browser) = try await signedIn()
        var headers = Self.question
        headers[.init("X-Original-Method")!] = "POST"
        if withToken { headers[.csrfToken] = try await browser.get("/api/v1/auth/csrf").member("csrf_token") }
        headers[.origin] = origin
        headers[.fetchSite] = site
        let answer = try await browser.get("/gateway/authenticate", headers)
        #expect(answer.headers[.init("X-Auth-Problem")!] == problem)
        #expect(answer.status == (problem == nil ? .ok : .forbidden))
    }

    @Test("a CSRF cookie that somebody made up does not count")
    func forgedCookie() async throws {
        let (_, browser) = try await signedIn()
        let token = String(repeating: "a", count: 64)
        var headers = Self.question
        headers[.init("X-Original-Method")!] = "POST"
        headers[.csrfToken] = token
        let session = browser.cookieHeader.split(separator: "; ").first { $0.hasPrefix(SessionToken.cookieName) } ?? ""
        headers[.cookie] = "\(session); \(CrossSiteCheck.cookieName)=\(token)%7Ck1.\(token)"
        let answer = try await browser.get("/gateway/authenticate", headers)
        #expect(answer.headers[.init("X-Auth-Problem")!] == "csrf_token")
    }

    @Test("a token from before signing in, or from before the session's last change, is worth nothing after it")
    func tokenOfTheSession() async throws {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        let names = { (header: String, name: String) in header.split(separator: "; ").first { $0.hasPrefix(name) }.map(String.init) ?? "" }
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        let planted = names(browser.cookieHeader, CrossSiteCheck.cookieName)
        let code = try await fixture.code(for: "ada@example.com")
        _ = try await browser.post("/api/v1/auth/verify-email", #"{"email":"ada@example.com","code":"\#(code)"}"#)
        _ = try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
        let signedIn = names(browser.cookieHeader, CrossSiteCheck.cookieName)
        _ = try await browser.post("/api/v1/auth/step-up", #"{"password":"correct horse battery"}"#)
        for old in [planted, signedIn] {
            var headers = Self.question
            headers[.init("X-Original-Method")!] = "POST"
            headers[.csrfToken] = String(old.dropFirst(CrossSiteCheck.cookieName.count + 1).prefix(64))
            headers[.cookie] = "\(names(browser.cookieHeader, SessionToken.cookieName)); \(old)"
            #expect(try await browser.get("/gateway/authenticate", headers).headers[.init("X-Auth-Problem")!] == "csrf_token")
        }
    }

    @Test("a removed member is out with the next request")
    func removedMember() async throws {
        let (fixture, browser) = try await signedIn()
        try await fixture.house.house.worker.query("update users.tenant_users set deleted = now()")
        #expect(try await browser.get("/gateway/authenticate", Self.question).status == .forbidden)
    }
}
