import Contracts
import Foundation
import HTTP
import Mail
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Keys that sign mail")
struct SigningKeyTests {
    @Test("a domain gets one key of each algorithm, once; what stands in the database opens nowhere else and is no key")
    func made() async throws {
        let ground = try await SigningGround.make()
        let keys = try await ground.keys.make(for: "Sender.Example", of: ground.tenant, by: .system)
        #expect(keys.map(\.domain) == ["sender.example", "sender.example"] && keys.map(\.state) == [.pending, .pending])
        let day = WireJSON.format(ground.now).prefix(10).replacing("-", with: "")
        #expect(keys.map(\.selector) == ["pm\(day)a", "pm\(day)b"])
        #expect(keys.map(\.algorithm) == [.rsa, .ed25519])
        #expect(try await ground.keys.make(for: "sender.example", of: ground.tenant, by: .system) == keys)
        #expect(try await ground.keys.publications(of: ground.tenant, domain: "sender.example") == keys.map(\.publication))
        #expect(keys[0].publication.value.hasPrefix("v=DKIM1; k=rsa; p=MII") && keys[1].publication.value.hasPrefix("v=DKIM1; k=ed25519; p="))
        #expect(try await ground.trail() == ["signing_key.make pending", "signing_key.make pending"])

        let keyring = ground.fixture.house.house.keyring
        let rows = try await ground.fixture.database.query("select selector, private_key_sealed from signing_keys order by selector")
        for (row, key) in zip(rows, keys) {
            let sealed: String = try row.decode("private_key_sealed")
            let place = SigningKey.place(domain: key.domain, selector: key.selector, tenant: ground.tenant)
            let secret = try keyring.open(sealed, for: place)
            #expect(try DKIMKey(selector: key.selector, algorithm: key.algorithm, secret: secret).publicKey == key.publicKey)
            #expect(sealed.hasPrefix("v1.k1.") && !sealed.contains(secret.base64URL.prefix(40)))
            let others = [
                SigningKey.place(domain: "other.example", selector: key.selector, tenant: ground.tenant),
                SigningKey.place(domain: key.domain, selector: "other", tenant: ground.tenant),
                SigningKey.place(domain: key.domain, selector: key.selector, tenant: TenantID(UUID())),
            ]
            for other in others { #expect(throws: (any Error).self) { try keyring.open(sealed, for: other) } }
        }
        // Requests cannot read what the worker reads.
        await #expect(throws: PostgresError.self) {
            try await ground.fixture.house.house.api.query(as: ground.tenant, "select private_key_sealed from signing_keys")
        }
    }

    @Test("a key signs when DNS shows it and not before; Ed25519 never alone")
    func published() async throws {
        let ground = try await SigningGround.make()
        let keys = try await ground.keys.make(for: SigningGround.domain, of: ground.tenant, by: .system)
        try await ground.feature.tending.run()
        #expect(try await ground.selectors() == nil)
        ground.zone.publish(keys.filter { !$0.isRSA })
        ground.advance(seconds: 301)
        try await ground.feature.tending.run()
        #expect(try await ground.states() == [keys[0].selector: .pending, keys[1].selector: .active])
        #expect(try await ground.selectors() == nil)
        ground.zone.publish(keys)
        // Not due before its time.
        let asked = ground.zone.questions
        try await ground.feature.tending.run()
        #expect(ground.zone.questions == asked)
        ground.advance(seconds: 301)
        try await ground.feature.tending.run()
        #expect(try await ground.selectors() == keys.map(\.selector))
        #expect(try await ground.trail().suffix(2) == ["signing_key.activate active", "signing_key.activate active"])
    }

    @Test("one key follows another with overlap: the old one signs until DNS shows the new, and its record stays 7 days after its last mail")
    func rotated() async throws {
        let ground = try await SigningGround.make()
        let old = try await ground.activated()
        ground.advance(days: 1)
        let all = try await ground.keys.rotate(SigningGround.domain, of: ground.tenant, by: .system)
        let new = Array(all.dropFirst(2))
        #expect(new.map(\.state) == [.pending, .pending] && Set(all.map(\.selector)).count == 4)
        // A rotation under way is not begun anew.
        #expect(try await ground.keys.rotate(SigningGround.domain, of: ground.tenant, by: .system) == all)
        try await ground.keys.tend(SigningGround.domain, of: ground.tenant)
        #expect(try await ground.selectors() == old.map(\.selector))
        let lastUse = ground.now

        ground.zone.publish(new)
        ground.advance(seconds: 301)
        let changed = try await ground.keys.tend(SigningGround.domain, of: ground.tenant)
        #expect(changed.map(\.state) == [.retiring, .retiring, .active, .active])
        #expect(try await ground.selectors() == new.map(\.selector))
        #expect(try await ground.keys.publications(of: ground.tenant, domain: SigningGround.domain).map(\.selector) == all.map(\.selector))
        let until = try #require(changed[0].signsUntil)
        #expect(until >= lastUse.addingTimeInterval(Signers.life))
        let removal = ground.keys.policy.retirement(of: changed[0])
        #expect(removal >= until.addingTimeInterval(7 * 86_400) && removal < ground.now.addingTimeInterval(8 * 86_400))

        ground.advance(seconds: removal.timeIntervalSince(ground.now) - 1)
        try await ground.feature.tending.run()
        #expect(try await ground.keys.tend(SigningGround.domain, of: ground.tenant).map(\.state) == [.retiring, .retiring, .active, .active])
        ground.advance(seconds: 61)
        try await ground.feature.tending.run()
        let retired = try await ground.keys.keys(of: ground.tenant, domain: SigningGround.domain)
        #expect(retired.map(\.state) == [.retired, .retired, .active, .active])
        #expect(try await ground.fixture.database.query("select 1 as one from signing_keys where private_key_sealed is null").count == 2)
        #expect(try await ground.keys.publications(of: ground.tenant, domain: SigningGround.domain) == new.map(\.publication))
        #expect(retired.map { SigningKeyRoutes.View($0, policy: ground.keys.policy).action } == ["remove", "remove", "keep", "keep"])
        // Until it is seen to be gone.
        ground.zone.remove(old)
        ground.advance(days: 1.01)
        try await ground.feature.tending.run()
        let gone = try await ground.keys.keys(of: ground.tenant, domain: SigningGround.domain)
        #expect(gone.map { SigningKeyRoutes.View($0, policy: ground.keys.policy).action } == ["none", "none", "keep", "keep"])
        #expect(gone.map { $0.lookAt == nil } == [true, true, false, false])
        let actions = try await ground.trail()
        for action in ["signing_key.rotate pending", "signing_key.supersede retiring", "signing_key.retire retired"] {
            #expect(actions.count { $0 == action } == 2, "\(action)")
        }
    }

    @Test("a key of a year gets a follower by itself, once")
    func scheduled() async throws {
        let ground = try await SigningGround.make()
        try await ground.activated()
        ground.advance(days: 364)
        try await ground.feature.tending.run()
        #expect(try await ground.states().count == 2)
        for _ in 0..<3 {
            ground.advance(days: 1.01)
            try await ground.feature.tending.run()
        }
        #expect(try await ground.states().values.count { $0 == .pending } == 2)
        #expect(try await ground.states().values.count { $0 == .active } == 2)
    }

    @Test("what DNS shows no more stops signing when that was seen three times, and signs again when it is back; an outage of DNS changes nothing")
    func withdrawn() async throws {
        let ground = try await SigningGround.make()
        let keys = try await ground.activated()
        ground.zone.set(isDown: true)
        for _ in 0..<5 { try await ground.keys.tend(SigningGround.domain, of: ground.tenant) }
        #expect(try await ground.selectors() == keys.map(\.selector))
        ground.zone.set(isDown: false)
        ground.zone.remove(keys)
        // However often somebody asks, within half an hour it is one answer.
        for _ in 0..<5 { try await ground.keys.tend(SigningGround.domain, of: ground.tenant) }
        ground.advance(seconds: 3_601)
        try await ground.feature.tending.run()
        #expect(try await ground.selectors() == keys.map(\.selector))
        ground.advance(seconds: 3_601)
        try await ground.feature.tending.run()
        #expect(try await ground.selectors() == nil)
        #expect(try await ground.trail().suffix(2) == ["signing_key.withdraw pending", "signing_key.withdraw pending"])
        ground.zone.publish(keys)
        try await ground.keys.tend(SigningGround.domain, of: ground.tenant)
        #expect(try await ground.selectors() == keys.map(\.selector))
    }

    @Test("a key that may be known to others is destroyed at once")
    func retired() async throws {
        let ground = try await SigningGround.make()
        let keys = try await ground.activated()
        let gone = try await ground.keys.retire(keys[0].selector, of: SigningGround.domain, ground.tenant, by: .system, reason: "leaked")
        #expect(gone.state == .retired)
        #expect(try await ground.selectors() == nil)
        let sealed = try await ground.fixture.database.query("select private_key_sealed from signing_keys where selector = \(keys[0].selector)")
        #expect(try sealed[0].decodeOptional("private_key_sealed", as: String.self) == nil)
        // Again is the same; the record that is still there does not bring it back; a new one takes its place.
        let again = try await ground.keys.retire(keys[0].selector, of: SigningGround.domain, ground.tenant, by: .system, reason: "again")
        #expect(again.state == .retired && again.retiredAt == gone.retiredAt)
        try await ground.keys.tend(SigningGround.domain, of: ground.tenant)
        #expect(try await ground.states()[keys[0].selector] == .retired)
        ground.zone.publish(try await ground.keys.make(for: SigningGround.domain, of: ground.tenant, by: .system))
        try await ground.keys.tend(SigningGround.domain, of: ground.tenant)
        #expect(try await ground.selectors()?.count == 2)
        #expect(try await ground.selectors()?.contains(keys[0].selector) == false)
    }

    @Test("a domain that is given up has no key that could sign")
    func givenUp() async throws {
        let ground = try await SigningGround.make()
        try await ground.activated()
        _ = try await ground.keys.rotate(SigningGround.domain, of: ground.tenant, by: .system)
        _ = try await ground.keys.make(for: "kept.example", of: ground.tenant, by: .system)
        try await ground.keys.withdraw(SigningGround.domain, of: ground.tenant, by: .system, reason: "domain removed")
        #expect(try await ground.states().values.allSatisfy { $0 == .retired })
        #expect(try await ground.selectors() == nil)
        #expect(try await ground.keys.publications(of: ground.tenant, domain: SigningGround.domain).isEmpty)
        #expect(try await ground.keys.publications(of: ground.tenant, domain: "kept.example").count == 2)
        #expect(try await ground.fixture.database.query("select 1 as one from signing_keys where private_key_sealed is null").count == 4)
    }

    @Test("a domain gets so many keys in a day and no more, and more the day after")
    func bounded() async throws {
        let ground = try await SigningGround.make()
        let now = ground.now
        try await ground.fixture.database.query(
            """
            insert into signing_keys (tenant_id, domain, selector, algorithm, public_key, state, created_at)
            select \(ground.tenant), 'sender.example', 'old' || n, 'rsa-sha256', 'p', 'retired', \(now)
            from generate_series(1, \(DKIMKeys.mostKeysOfADay - 1)) as n
            """)
        let error = await #expect(throws: Problem.self) {
            _ = try await ground.keys.make(for: SigningGround.domain, of: ground.tenant, by: .system)
        }
        #expect(error?.kind == "too_many_signing_keys" && error?.status == .unprocessableContent)
        ground.advance(days: 1.01)
        let keys = try await ground.keys.make(for: SigningGround.domain, of: ground.tenant, by: .system)
        #expect(keys.count { $0.state == .pending } == 2)
    }

    @Test("two companies with one domain share neither keys nor selectors, and see nothing of each other's")
    func tenants() async throws {
        let ground = try await SigningGround.make()
        let other = TenantID(UUID())
        let own = try await ground.activated()
        let theirs = try await ground.keys.make(for: SigningGround.domain, of: other, by: .system)
        #expect(Set(own.map(\.selector) + theirs.map(\.selector)).count == 4)
        try await ground.feature.tending.run()
        #expect(try await ground.selectors(of: other) == nil)
        #expect(try await ground.keys.list(of: other, domain: nil, after: nil, limit: 10).map(\.selector) == theirs.map(\.selector))
        #expect(try await ground.keys.publications(of: other, domain: SigningGround.domain) == theirs.map(\.publication))
        await #expect(throws: Problem.self) {
            try await ground.keys.retire(own[0].selector, of: SigningGround.domain, other, by: .system, reason: "not mine")
        }
        #expect(try await ground.selectors() == own.map(\.selector))
        // What is sealed for one does not open for the other, even if a row were moved.
        try await ground.fixture.database.query("delete from signing_keys where tenant_id = \(other)")
        try await ground.fixture.database.query("update signing_keys set tenant_id = \(other)")
        await #expect(throws: (any Error).self) { try await ground.selectors(of: other) }
    }

    @Test("keys made at the same time by several are one of each algorithm")
    func parallel() async throws {
        let ground = try await SigningGround.make()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { _ = try await ground.keys.make(for: SigningGround.domain, of: ground.tenant, by: .system) }
            }
            try await group.waitForAll()
        }
        let keys = try await ground.keys.keys(of: ground.tenant, domain: SigningGround.domain)
        #expect(Set(keys.map(\.algorithm)).count == 2 && keys.count == 2)
    }

    @Test("a company's keys go with it")
    func purged() async throws {
        let ground = try await SigningGround.make()
        try await ground.activated()
        let rpc = ground.fixture.rpc
        for _ in 0..<20 where try await !rpc.call(DeliveryRPC.Purge(tenant: ground.tenant, workspace: nil)).isDone {}
        #expect(try await ground.fixture.house.rows(of: ground.tenant) == [:])
    }
}
