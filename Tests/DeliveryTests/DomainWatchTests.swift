import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Domains over time")
struct DomainWatchTests {
    private func state(_ fixture: DomainFixture, _ id: String, tenant: TenantID? = nil) async throws -> String {
        try await fixture.send(.get, "/api/v1/domains/\(id)", tenant: tenant).text("state")
    }

    /// A domain that is verified.
    private func verified(_ fixture: DomainFixture) async throws -> DomainFixture.Answer {
        _ = try await fixture.mailbox("me@acme.example")
        let added = try await fixture.add()
        try fixture.publish(added)
        fixture.house.clock.advance(by: .seconds(90))
        try await fixture.checkDue()
        #expect(try await state(fixture, added.text("id")) == "verified")
        return added
    }

    @Test("published, a domain is verified by itself; broken, it counts until it fails twice, and heals by itself")
    func life() async throws {
        let fixture = try await DomainFixture.make()
        let added = try await verified(fixture)
        let id = added.text("id")
        try await fixture.checkDue()
        // Nothing is due for a day.
        try fixture.dns.publish([:])
        fixture.house.clock.advance(by: .seconds(80_000))
        try await fixture.checkDue()
        #expect(try await state(fixture, id) == "verified")
        fixture.house.clock.advance(by: .seconds(12_000))
        try await fixture.checkDue()
        let failing = try await fixture.send(.get, "/api/v1/domains/\(id)")
        #expect(failing.text("state") == "failing" && failing.flag("is_authenticated") && failing.records("spf").map(\.state) == ["missing"])
        // Somebody who looks at once proves nothing more.
        #expect(try await fixture.send(.post, "/api/v1/domains/\(id)/check").text("state") == "failing")
        fixture.house.clock.advance(by: .seconds(1_300))
        try await fixture.checkDue()
        let broken = try await fixture.send(.get, "/api/v1/domains/\(id)")
        #expect(broken.text("state") == "broken" && !broken.flag("is_authenticated"))
        try fixture.publish(added)
        fixture.house.clock.advance(by: .seconds(120))
        try await fixture.checkDue()
        #expect(try await state(fixture, id) == "verified")
        #expect(try await fixture.events() == ["pending", "verified", "failing", "broken", "verified"])
        let trail = try await fixture.house.house.worker.query(
            "select body::jsonb -> 'header' -> 'audit' ->> 'action' as action from outbox where type = 'delivery.domain.changed' order by id"
        ).compactMap { try $0.decodeOptional("action", as: String.self) }
        #expect(trail == ["domain.add", "domain.verify", "domain.break", "domain.verify"])
    }

    @Test("name servers that do not answer change nothing that is known", arguments: ["servfail", "garbage"])
    func silence(fault: String) async throws {
        let fixture = try await DomainFixture.make()
        let id = try await verified(fixture).text("id")
        var entries = DomainZone().entries
        for name in entries.keys { entries[name]?.fault = fault }
        for record in try await fixture.send(.get, "/api/v1/domains/\(id)").records("ownership") { entries[record.name] = .init(fault: fault) }
        try fixture.dns.publish(entries)
        fixture.house.clock.advance(by: .seconds(100_000))
        try await fixture.checkDue()
        let read = try await fixture.send(.get, "/api/v1/domains/\(id)")
        #expect(read.text("state") == "verified" && read.records("spf").map(\.state) == ["unknown"], "\(read.body)")
    }

    @Test("a domain is verified for one company only; whoever proves it keeps it, and loses it with the proof")
    func owners() async throws {
        let fixture = try await DomainFixture.make()
        let first = try await verified(fixture)
        let other = TenantID(UUID())
        let second = try await fixture.add(tenant: other)
        #expect(second.status == 201)
        #expect(second.records("ownership")[0].value != first.records("ownership")[0].value)
        // The first one's text proves nothing for the second; both keys are the same in this test, so DKIM speaks for both.
        #expect(second.codes == ["domain_claimed_elsewhere"] && second.text("state") == "pending" && !second.flag("is_owned"))
        #expect(try await state(fixture, first.text("id")) == "verified")
        // The domain changes hands: the new owner's records stand, those of the old one are gone.
        var zone = DomainZone()
        zone.set("_penguinmails.acme.example", "TXT", [second.records("ownership")[0].value])
        for name in ["pm1", "pm2"] { zone.remove("\(name)._domainkey.acme.example") }
        zone.set("google._domainkey.acme.example", "TXT", ["v=DKIM1; p=\(TestKeys.rsa2048)"])
        try fixture.dns.publish(zone.entries)
        for _ in 0..<4 {
            fixture.house.clock.advance(by: .seconds(1_300))
            try await fixture.checkDue()
        }
        #expect(try await state(fixture, first.text("id")) == "broken")
        let owners = try await fixture.house.house.worker.query("select tenant_id from domain_owners where name = 'acme.example'")
        #expect(try owners.map { try $0.decode("tenant_id", as: TenantID.self) } == [other])
        // The second has no mailbox at the domain, so nobody knows its provider's selectors: its owner names them.
        let path = "/api/v1/domains/\(second.text("id"))"
        #expect(try await fixture.send(.patch, path, #"{"dkim_selectors":["google"]}"#, tenant: other).status == 200)
        try await fixture.checkDue()
        #expect(try await state(fixture, second.text("id"), tenant: other) == "verified")
    }

    @Test("what is due is taken by one process, and taken up by another when that dies")
    func taking() async throws {
        let fixture = try await DomainFixture.make()
        for number in 0..<6 { #expect(try await fixture.add("d\(number).example").status == 201) }
        fixture.house.clock.advance(by: .seconds(90))
        let store = DomainStore(database: fixture.house.house.worker)
        let now = fixture.house.clock.clock.now
        async let one = store.takeDue(at: now, limit: 4)
        async let two = store.takeDue(at: now, limit: 4)
        let taken = try await (one + two).map(\.domain.id)
        #expect(taken.count == Set(taken).count && taken.count >= 4)
        _ = try await store.takeDue(at: now, limit: 10)
        #expect(try await store.takeDue(at: now, limit: 10).isEmpty)
        #expect(try await store.takeDue(at: now.addingTimeInterval(121), limit: 10).count == 6)
    }

    @Test("nothing of a company's domains is left after it, nor of a workspace's after that")
    func purge() async throws {
        let fixture = try await DomainFixture.make()
        let whole = RPCClient.local(fixture.house.router(try await DeliveryService(fixture.house.house)), caller: .auth)
        #expect(try await fixture.add("one.example").status == 201)
        let elsewhere = #"{"workspace":"\#(WorkspaceID(UUID()))","domain":"two.example"}"#
        #expect(try await fixture.send(.post, "/api/v1/domains", elsewhere).status == 201)
        #expect(fixture.places.confirmed(.domains, of: fixture.tenant).count == 2)
        try await fixture.house.house.worker.query(
            "insert into domain_owners (name, tenant_id, domain_id, proven_at) select name, tenant_id, id, now() from domains")
        for _ in 0..<20 {
            if try await whole.call(DeliveryRPC.Purge(tenant: fixture.tenant, workspace: fixture.workspace)).isDone { break }
        }
        let left = try await fixture.house.rows(of: fixture.tenant)
        #expect(left["domains"] == 1 && left["domain_owners"] == 1 && left["domain_companies"] == 1)
        #expect(fixture.places.confirmed(.domains, of: fixture.tenant).count == 1)
        for _ in 0..<20 {
            if try await whole.call(DeliveryRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone { break }
        }
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
    }

    @Test("a mailbox that is connected has its domain looked at again at once: another provider may send from now on")
    func connected() async throws {
        let fixture = try await DeliveryFixture.make()
        for name in ["sender.example", "other.example"] {
            try await fixture.database.query(
                """
                insert into domains (tenant_id, id, workspace_id, name, token, created_at, next_check_at)
                values (\(fixture.tenant), \(DomainID(UUID())), \(fixture.workspace), \(name), 't', now(), now() + interval '1 day')
                """)
        }
        _ = try await fixture.mailbox("me@sender.example")
        let due = try await DomainStore(database: fixture.database).takeDue(at: fixture.house.clock.clock.now, limit: 10)
        #expect(due.map(\.domain.name) == ["sender.example"] && due.map(\.tenant) == [fixture.tenant])
    }

    @Test("what is due, and the mailboxes of a domain, are found by their indexes")
    func plans() async throws {
        let fixture = try await DomainFixture.make()
        let owner = Database(fixture.house.database.configuration(role: "delivery_owner"), connections: 1)
        try await owner.query(
            """
            insert into domains (tenant_id, id, workspace_id, name, token, created_at, next_check_at)
            select \(fixture.tenant), gen_random_uuid(), \(fixture.workspace), 'd' || n || '.example', 't', now(), now() + make_interval(secs => n)
            from generate_series(1, 5000) n
            """)
        try await owner.query(
            """
            insert into mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username,
                                   password_sealed, created_at, updated_at)
            select \(fixture.tenant), gen_random_uuid(), \(fixture.workspace), 'm' || n || '@d' || n || '.example', 'M', 'h', 587, 'starttls', 'u', 's',
                now(), now() from generate_series(1, 5000) n
            """)
        try await owner.query("analyze domains")
        try await owner.query("analyze mailboxes")
        func plan(_ statement: SQL) async throws -> String {
            try await owner.query("explain \(statement)").map { try $0.decode("QUERY PLAN", as: String.self) }.joined(separator: "\n")
        }
        let due = try await plan("select tenant_id, id from domains where next_check_at <= now() order by next_check_at limit 4")
        #expect(due.contains("domains_due"), "\(due)")
        let servers = try await plan(
            "select distinct smtp_host from mailboxes where tenant_id = \(fixture.tenant) and split_part(address, '@', 2) = 'd7.example'")
        #expect(servers.contains("mailboxes_domain"), "\(servers)")
    }
}
