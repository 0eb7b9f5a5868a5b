import Contracts
import Foundation
import Postgres
import Primitives
import ServiceRuntime
import TestSupport
import Testing

@testable import Delivery

/// What comes before the mail servers are asked: no mail server is needed for it.
@Suite("Off to a provider and back", .timeLimit(.minutes(3)))
struct OAuthConsentTests {
    private func outcome(_ answer: OAuthGround.Answer) -> String {
        answer.body.firstMatch(of: /\?oauth=([a-z_]+)/).map { String($0.1) } ?? "none"
    }

    @Test("the address to go to asks for exactly what is needed, with PKCE; of what it holds nothing is stored readably")
    func going() async throws {
        try await OAuthGround.run { ground in
            let (url, cookie) = try await ground.begin()
            let fields = OAuthServerDouble.fields(try #require(URLComponents(string: url)?.percentEncodedQuery))
            #expect(fields["scope"] == "https://mail.google.com/ openid email" && fields["access_type"] == "offline")
            #expect(fields["redirect_uri"] == "https://localhost:8443/oauth/mailboxes/callback" && fields["prompt"] == "consent")
            #expect(cookie.hasPrefix("__Host-penguin.mailbox-oauth="))
            for secret in [fields["state"], fields["nonce"], cookie.split(separator: "=").last.map(String.init)] {
                #expect(try await ground.house.tables(holding: try #require(secret)).isEmpty)
            }
            let second = try await ground.send(.post, "/api/v1/mailboxes/oauth", ground.wish(), cookie: cookie)
            #expect(second.cookie == cookie, "a second trip spoils the first")
        }
    }

    @Test("who may begin: members in the console; neither viewers nor support; a provider that is not configured is told as such")
    func mayBegin() async throws {
        try await OAuthGround.run { ground in
            let path = "/api/v1/mailboxes/oauth"
            #expect(try await ground.send(.post, path, ground.wish(), role: nil).status == 401)
            #expect(try await ground.send(.post, path, ground.wish(), role: .viewer).status == 403)
            #expect(try await ground.send(.post, path, ground.wish(), role: .member).status == 200)
            #expect(try await ground.send(.post, path, ground.wish(), support: UUID()).status == 403)
            let off = try await ground.send(.post, path, ground.wish(provider: "microsoft"))
            #expect(off.status == 422 && off.body.contains("oauth_not_configured") && off.body.contains("operator"), "\(off.body)")
            #expect(try await ground.send(.post, path, ground.wish(provider: "yahoo")).status == 400)
            #expect(try await ground.send(.post, path, ground.wish(limits: #"{"daily":0}"#)).status == 400)
            #expect(try await ground.send(.post, path, ground.wish(limits: #"{"ramp":"none_such"}"#)).status == 400)
            let providers = try await ground.send(.get, "/api/v1/mailboxes/oauth/providers")
            #expect(providers.body == #"{"providers":["google"]}"#)
            #expect(try await ground.send(.post, "/api/v1/mailboxes/\(MailboxID(UUID()))/oauth", "{}").status == 404)
        }
    }

    @Test("the way back is good once, for ten minutes, in the browser in which it was begun, as long as its session lives")
    func bound() async throws {
        try await OAuthGround.run { ground in
            let (url, cookie) = try await ground.begin()
            let query = try #require(ground.provider.approve(url, as: .init()))
            let foreign = "__Host-penguin.mailbox-oauth=\(randomBytes(32).base64URL)"
            for wrong in [nil, foreign, "__Host-penguin.mailbox-oauth=x"] {
                let answer = try await ground.comeBack(query, cookie: wrong)
                #expect(answer.status == 422 && answer.body.contains("no longer good") && answer.body.contains(#"href="/dashboard""#))
            }
            #expect(try await ground.comeBack(query.replacing("state=", with: "state=A"), cookie: cookie).status == 422)
            // The right browser still comes back, as far as the mail servers, of which there are none here.
            let right = try await ground.comeBack(query, cookie: cookie)
            #expect(outcome(right) == "smtp_test_failed" && right.body.contains("/dashboard/workspaces/w-slug/emails"), "\(right.body)")
            #expect(right.headers[.contentSecurityPolicy]?.contains("default-src 'none'") == true && !right.body.contains("<script"))
            #expect(try await ground.comeBack(query, cookie: cookie).body.contains("no longer good"))

            let late = try await ground.begin()
            ground.house.clock.advance(by: .seconds(601))
            let lateQuery = try #require(ground.provider.approve(late.url, as: .init()))
            #expect(try await ground.comeBack(lateQuery, cookie: late.cookie).body.contains("no longer good"))

            let ended = try await ground.begin()
            ground.hasEnded.value.withLock { $0 = true }
            let answer = try await ground.comeBack(try #require(ground.provider.approve(ended.url, as: .init())), cookie: ended.cookie)
            #expect(outcome(answer) == "session_ended")
            #expect(try await ground.database.query("select from mailboxes").isEmpty)
        }
    }

    @Test("who declines, unticks a box, or whose provider gives something else than was asked for, comes back with the reason and nothing stored")
    func refused() async throws {
        try await OAuthGround.run { ground in
            let (url, cookie) = try await ground.begin()
            let state = OAuthServerDouble.fields(try #require(URLComponents(string: url)?.percentEncodedQuery))["state"] ?? ""
            let denied = try await ground.comeBack("error=access_denied&state=\(state)", cookie: cookie)
            #expect(outcome(denied) == "denied" && denied.status == 422)
            for (person, reason) in [
                (OAuthServerDouble.Person(scopes: "openid email"), "scope_missing"), (.init(givesRefreshToken: false), "no_refresh_token"),
                (.init(isVerified: false), "failed"),
                (.init(email: "\"strange one\"@sender.example"), "unusable_address"),
            ] {
                let answer = try await ground.consent(as: person)
                #expect(outcome(answer) == reason)
            }
            // A code of another trip: the verifier does not fit.
            let (one, two) = (try await ground.begin(), try await ground.begin())
            let stolen = try #require(ground.provider.approve(one.url, as: .init())).split(separator: "&")[0]
            let own = try #require(ground.provider.approve(two.url, as: .init())).split(separator: "&")[1]
            let mixed = try await ground.comeBack("\(stolen)&\(own)", cookie: two.cookie)
            #expect(outcome(mixed) == "flow")
            #expect(try await ground.database.query("select from mailboxes").isEmpty)
            #expect(try await ground.database.query("select from mailbox_consents").isEmpty)
        }
    }

    @Test("an ID token that is not the provider's, for us, of now and of this trip names nobody", arguments: OAuthServerDouble.Lie.allCases)
    func lies(lie: OAuthServerDouble.Lie) async throws {
        try await OAuthGround.run { ground in
            let answer = try await ground.consent(as: .init(lie: lie))
            #expect(outcome(answer) == "failed")
            #expect(try await ground.database.query("select from mailboxes").isEmpty)
        }
    }

    @Test("the consent of another account renews nothing")
    func otherAccount() async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert()
            let answer = try await ground.consent(as: .init(subject: "2", email: "eve@sender.example"), "/api/v1/mailboxes/\(mailbox)/oauth")
            #expect(outcome(answer) == "other_address" && answer.body.contains("eve@sender.example"))
            #expect(try await ground.row(mailbox).decode("generation", as: Int.self) == 1)
        }
    }

    @Test("a mailbox with a consent has no password to be changed")
    func passwords() async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert()
            let account = #"{"host":"localhost","port":1,"security":"tls","username":"u","password":"p"}"#
            for part in ["smtp", "imap"] {
                let answer = try await ground.send(.put, "/api/v1/mailboxes/\(mailbox)/\(part)", account)
                #expect(answer.status == 409 && answer.body.contains("mailbox_uses_oauth"), "\(answer.body)")
            }
        }
    }

    @Test("settings that cannot be right are named at start, all at once; secrets go to no address without TLS")
    func settings() async throws {
        try await OAuthGround.run { ground in
            let house = try await TestHouse.make(
                for: DeliveryService.self,
                configuration: [
                    "delivery.oauth.microsoft.client.id": "x", "delivery.oauth.microsoft.client.secret.file": "/nowhere",
                    "delivery.oauth.microsoft.token.url": "http://login.example/token", "delivery.oauth.microsoft.smtp": "smtp.example",
                    "delivery.oauth.microsoft.scopes": "email",
                ])
            do throws(SettingsError) {
                _ = try OAuthProvider.configured(house.house.settings)
                Issue.record("taken")
            } catch {
                #expect(error.problems.count == 4, "\(error)")
            }
            let google = try #require(try OAuthProvider.configured(ground.house.house.settings)[.google])
            #expect(google.clientSecret == OAuthServerDouble.clientSecret && google.neededScopes == ["https://mail.google.com/"])
        }
    }

    @Test("Microsoft's issuer is the one of the person's own company, and no other")
    func issuers() async throws {
        let secret = FileManager.default.temporaryDirectory.appending(path: "oauth-secret-\(UUID().uuidString)")
        try Data("s".utf8).write(to: secret)
        defer { try? FileManager.default.removeItem(at: secret) }
        let house = try await TestHouse.make(
            for: DeliveryService.self,
            configuration: [
                "delivery.oauth.microsoft.client.id": "x", "delivery.oauth.microsoft.client.secret.file": secret.path(percentEncoded: false),
                "delivery.oauth.google.client.id": "x", "delivery.oauth.google.client.secret.file": secret.path(percentEncoded: false),
            ])
        let providers = try OAuthProvider.configured(house.house.settings)
        let (google, microsoft) = (try #require(providers[.google]), try #require(providers[.microsoft]))
        let company = "72f988bf-86f1-41af-91ab-2d7cd011db47"
        #expect(microsoft.isIssuer("https://login.microsoftonline.com/\(company)/v2.0", company: company))
        #expect(!microsoft.isIssuer("https://login.microsoftonline.com/\(company)/v2.0", company: nil))
        #expect(!microsoft.isIssuer("https://login.microsoftonline.com/\(company)/v2.0", company: UUID().uuidString))
        #expect(!microsoft.isIssuer("https://evil.example/", company: "evil"))
        #expect(google.isIssuer("https://accounts.google.com", company: nil) && google.isIssuer("accounts.google.com", company: nil))
        #expect(!google.isIssuer("https://accounts.google.com.evil.example", company: nil))
        #expect(microsoft.neededScopes.count == 2 && microsoft.smtp.port == 587 && microsoft.imap.port == 993 && microsoft.revokeURL.isEmpty)
        #expect(google.smtp.security == .tls && google.imap.host == "imap.gmail.com")
    }
}
