import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Access tokens of mailboxes", .timeLimit(.minutes(3)))
struct OAuthTokenTests {
    @Test("of twenty askers over two replicas one asks the provider, and all get what it gave; the new refresh token is stored with it")
    func singleFlight() async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert(lifetime: 60)
            let first = try await ground.refreshToken(mailbox)
            ground.house.clock.advance(by: .seconds(120))
            ground.provider.hold()
            let replicas = [try ground.replica(), try ground.replica()]
            let tenant = ground.tenant
            let tokens = try await withThrowingTaskGroup(of: AccessToken.self) { group in
                for number in 0..<20 { group.addTask { try await replicas[number % 2].current(of: mailbox, tenant) } }
                try await eventually("one asks") { ground.provider.heldCount == 1 }
                ground.provider.release()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(tokens.map(\.value)).count == 1 && tokens.allSatisfy { $0.generation == 2 } && tokens.count == 20)
            #expect(ground.provider.refreshRequests == 1)
            let second = try await ground.refreshToken(mailbox)
            #expect(second != first)
            // What was replaced is used up: only whoever stored the new one goes on.
            ground.house.clock.advance(by: .seconds(7_200))
            #expect(try await replicas[1].current(of: mailbox, tenant).generation == 3)
            #expect(try await replicas[0].current(of: mailbox, tenant).generation == 3)
            #expect(ground.provider.refreshRequests == 2)
            #expect(try await ground.state(mailbox) == ["active", "granted"])
        }
    }

    @Test("a token that is good is given without a question; a replica that died while asking is followed by another when its lease ends")
    func lease() async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert()
            let (replica, tenant) = (try ground.replica(), ground.tenant)
            #expect(try await replica.current(of: mailbox, tenant).generation == 1)
            #expect(ground.provider.refreshRequests == 0)
            let store = ConsentStore(database: ground.database)
            let (dead, now) = (UUID(), ground.now)
            #expect(try await store.lease(mailbox, of: tenant, past: 1, by: dead, seconds: 60, now: now) != nil)
            #expect(try await store.lease(mailbox, of: tenant, past: 1, by: UUID(), seconds: 60, now: now) == nil)
            async let renewed = replica.renewed(mailbox, tenant, past: 1)
            try await ground.database.query("update mailbox_consents set lease_until = now() - interval '1 second'")
            #expect(try await renewed.generation == 2)
            // The dead one comes back with what it got: nobody wants that any more.
            let consent = try #require(try await store.find(mailbox, of: tenant))
            let late = try SealedTokens(
                OAuthTokens(access: "late", lifetime: 60, refresh: "late", scopes: nil, idToken: nil), of: mailbox, tenant,
                keyring: ground.house.house.keyring, now: now)
            #expect(try await !store.store(late, of: consent, by: dead, now: now))
            #expect(try await replica.current(of: mailbox, tenant).value != "late")
        }
    }

    @Test("an asker that gives up does not break off the request of all")
    func cancelled() async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert(lifetime: 0)
            ground.provider.hold()
            let (replica, tenant) = (try ground.replica(), ground.tenant)
            let asker = Task { try await replica.current(of: mailbox, tenant) }
            try await eventually("it asks") { ground.provider.heldCount == 1 }
            asker.cancel()
            ground.provider.release()
            try await eventually("the token is stored") { try await ground.row(mailbox).decode("generation", as: Int.self) == 2 }
            #expect(try await replica.current(of: mailbox, tenant).generation == 2)
            #expect(ground.provider.refreshRequests == 1)
        }
    }

    @Test("a consent that was withdrawn pauses the mailbox with the reason, tells it once, deletes the tokens, and only consent ends that")
    func withdrawn() async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert(lifetime: 0)
            ground.provider.revokeAll()
            let replica = try ground.replica()
            for _ in 0..<3 {
                guard case .consentLost(let words)? = await ground.failure(of: replica, mailbox) else {
                    Issue.record("the consent is not lost")
                    continue
                }
                #expect(words.contains("Google") && words.contains("invalid_grant"))
            }
            #expect(ground.provider.refreshRequests == 1)
            #expect(try await ground.state(mailbox) == ["paused", "lost"])
            let row = try await ground.row(mailbox)
            #expect(try row.decode("is_bare", as: Bool.self))
            #expect(try row.decode("state_reason", as: String.self).contains("Connect the mailbox again"))
            #expect(try await ground.told("delivery.mailbox.stopped", holding: "mailbox.pause") == 1)
            let shown = try await ground.send(.get, "/api/v1/mailboxes/\(mailbox)").body
            #expect(shown.contains(#""state":"paused""#) && shown.contains(#""provider":"google""#) && shown.contains(#""state":"lost""#), "\(shown)")
            let resumed = try await ground.send(.post, "/api/v1/mailboxes/\(mailbox)/resume")
            #expect(resumed.status == 409 && resumed.body.contains("consent_lost"), "\(resumed.body)")
            #expect(try await ground.state(mailbox) == ["paused", "lost"])
        }
    }

    @Test("one that its owner had paused stays as it is, with the loss in the trail; one held for complaints does not become active by their end")
    func pausedBefore() async throws {
        try await OAuthGround.run { ground in
            let (own, held) = (
                try await ground.insert(lifetime: 0), try await ground.insert(.init(subject: "2", email: "b@sender.example"), lifetime: 0)
            )
            try await ground.database.query("update mailboxes set state = 'paused', state_reason = 'holiday' where id = \(own)")
            try await ground.database.query("update mailboxes set state = 'paused', complaint_held = true, state_reason = 'c' where id = \(held)")
            ground.provider.revokeAll()
            let replica = try ground.replica()
            for mailbox in [own, held] { _ = try? await replica.current(of: mailbox, ground.tenant) }
            #expect(try await ground.row(own).decode("state_reason", as: String.self) == "holiday")
            #expect(try await ground.told("delivery.mailbox.stopped") == 0)
            #expect(try await ground.told("delivery.mailbox.changed", holding: "mailbox.consent_lost") == 2)
            let row = try await ground.database.query("select complaint_held, state_reason from mailboxes where id = \(held)")[0]
            #expect(try !row.decode("complaint_held", as: Bool.self) && row.decode("state_reason", as: String.self).contains("invalid_grant"))
        }
    }

    @Test(
        "trouble of the token endpoint, or of our own registration, pauses nothing: it is left alone for a while, then asked again",
        arguments: [OAuthServerDouble.Mood.status(503), .status(429), .error("invalid_client", status: 401), .error("slow_down", status: 400)])
    func transient(mood: OAuthServerDouble.Mood) async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert(lifetime: 0)
            ground.provider.set(mood)
            let (replica, tenant) = (try ground.replica(), ground.tenant)
            for _ in 0..<5 {
                guard case .unavailable(let words)? = await ground.failure(of: replica, mailbox) else {
                    Issue.record("the token is not just unavailable")
                    continue
                }
                #expect(!words.contains(OAuthServerDouble.clientSecret))
            }
            #expect(ground.provider.refreshRequests == 1)
            #expect(try await ground.state(mailbox) == ["active", "granted"])
            #expect(try await ground.row(mailbox).decode("failures", as: Int.self) == 1)
            #expect(try await ground.told("delivery.mailbox.stopped") == 0)
            ground.provider.set(.honest)
            ground.house.clock.advance(by: .seconds(6))
            #expect(try await replica.current(of: mailbox, tenant).generation == 2)
            #expect(try await ground.row(mailbox).decode("failures", as: Int.self) == 0)
        }
    }

    @Test("a provider that is slow to answer is not waited for longer than the limit, and nothing pauses")
    func slow() async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert(lifetime: 0)
            ground.provider.hold()
            let replica = try OAuthFeature(ground.house.house, http: .within(.milliseconds(200))).tokens
            let failure = await ground.failure(of: replica, mailbox)
            #expect(failure == .unavailable("Google does not answer: there was no whole answer in time"))
            #expect(try await ground.state(mailbox) == ["active", "granted"])
            ground.provider.release()
        }
    }

    @Test("while the provider is away, a token that is about to end is used to its end; a provider that is down is not asked for each mailbox")
    func lastMinutes() async throws {
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert()
            let other = try await ground.insert(.init(subject: "2", email: "b@sender.example"), lifetime: 0)
            let (replica, tenant) = (try ground.replica(), ground.tenant)
            ground.provider.set(.status(503))
            ground.house.clock.advance(by: .seconds(3_400))
            #expect(try await replica.current(of: mailbox, tenant).generation == 1)
            #expect(ground.provider.refreshRequests == 1)
            await #expect(throws: AccessTokenError.self) { try await replica.current(of: other, tenant) }
            #expect(ground.provider.refreshRequests == 1)
            ground.house.clock.advance(by: .seconds(195))
            await #expect(throws: AccessTokenError.self) { try await replica.current(of: mailbox, tenant) }
            ground.provider.set(.honest)
            ground.house.clock.advance(by: .seconds(60))
            #expect(try await replica.current(of: mailbox, tenant).generation == 2)
            #expect(try await replica.current(of: other, tenant).generation == 2)
        }
    }

    @Test("a refused sign-in renews the token once; a second refusal is the end of the consent, unless somebody consented meanwhile")
    func refused() async throws {
        struct Refusal: Error {}
        try await OAuthGround.run { ground in
            let mailbox = try await ground.insert()
            let (replica, tenant) = (try ground.replica(), ground.tenant)
            var seen: [String] = []
            let value = try await replica.signIn(to: mailbox, of: tenant, refusal: { $0 is Refusal ? "535 no" : nil }) { token in
                seen.append(token)
                if seen.count == 1 { throw Refusal() }
                return 7
            }
            #expect(value == 7 && Set(seen).count == 2 && ground.provider.refreshRequests == 1)
            // Anything else than a refusal is not about the token.
            struct Broken: Error {}
            await #expect(throws: Broken.self) {
                try await replica.signIn(to: mailbox, of: tenant, refusal: { $0 is Refusal ? "" : nil }) { _ -> Int in throw Broken() }
            }
            #expect(ground.provider.refreshRequests == 1)
            await #expect(throws: Refusal.self) {
                try await replica.signIn(to: mailbox, of: tenant, refusal: { $0 is Refusal ? "535 5.7.8 no" : nil }) { _ -> Int in throw Refusal() }
            }
            #expect(ground.provider.refreshRequests == 2)
            #expect(try await ground.state(mailbox) == ["paused", "lost"])
            #expect(try await ground.row(mailbox).decode("state_reason", as: String.self).contains("535 5.7.8 no"))
            try await replica.losses.lose(mailbox, of: tenant, generation: 3, reason: "again")
            #expect(try await ground.told("delivery.mailbox.stopped") == 1)
        }
    }

    @Test("a purge tells the provider and leaves no token; what the same person allowed for another mailbox is not withdrawn with it")
    func purged() async throws {
        try await OAuthGround.run { ground in
            let mine = try await ground.insert()
            let token = try await ground.refreshToken(mine)
            // The same person's mailbox at another company.
            let (elsewhere, other) = (TenantID(UUID()), WorkspaceID(UUID()))
            let theirs = try await ground.insert(of: elsewhere)
            let alone = try await ground.insert(.init(subject: "2", email: "b@sender.example"), workspace: other)
            let aloneToken = try await ground.refreshToken(alone)
            _ = try await ground.begin()
            try await ground.purge(ground.tenant, workspace: other)
            #expect(ground.provider.revoked == [aloneToken])
            #expect(try await ground.database.query("select from mailbox_consents where mailbox_id = \(mine)").count == 1)
            try await ground.purge(ground.tenant, workspace: nil)
            #expect(ground.provider.revoked == [aloneToken])
            #expect(try await ground.house.rows(of: ground.tenant).isEmpty)
            try await ground.purge(elsewhere, workspace: nil)
            #expect(ground.provider.revoked.count == 2 && !ground.provider.revoked.contains(token))
            #expect(try await ground.database.query("select from mailbox_consents where mailbox_id = \(theirs)").isEmpty)
        }
    }
}
