import AsyncHTTPClient
import Contracts
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NIOHTTP1
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite("Certificates of tracking hosts")
struct CertificateWatchTests {
    @Test("a proven host is ordered, its file written, and only then do links stand under it; two thirds on it is renewed")
    func life() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let (world, folder) = (CertificateFixture.World(), try #require(fixture.service.certificates.folder))
        let replica = try fixture.replica(world)
        let domain = try await fixture.proven()
        #expect(try await fixture.state(domain) == "ordered")
        #expect(await fixture.base() == "https://localhost:8443")
        try await fixture.orderAll(replica)
        try await folder.keep()
        #expect(world.ordered == ["track.acme.example"])
        #expect(try fixture.files() == ["track.acme.example.pem": "key 1 of track.acme.example\nchain 1 of track.acme.example\n"])
        let mode = try FileManager.default.attributesOfItem(atPath: fixture.folder.appending(path: "track.acme.example.pem").path())[
            .posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o640)
        #expect(try await fixture.view(domain)["is_used"] as? Bool == false)
        #expect(await fixture.base() == "https://localhost:8443")
        fixture.house.clock.advance(by: .seconds(60))
        #expect(await fixture.base() == "https://track.acme.example")
        #expect(await fixture.base(of: TenantID(UUID())) == "https://localhost:8443")
        let view = try await fixture.view(domain)
        #expect(view["state"] as? String == "issued" && view["is_used"] as? Bool == true && view["host"] as? String == "track.acme.example")
        #expect(view["expires_at"] as? String != nil && (view["detail"] as? String)?.isEmpty == false)
        // Sealed, and out of reach for requests.
        let stored = try #require(try await fixture.database.query("select key_sealed from tracking_certificates").first)
        #expect(try !stored.decode("key_sealed", as: String.self).contains("key 1"))
        await #expect(throws: (any Error).self) {
            try await fixture.house.house.api.query(as: fixture.tenant, "select key_sealed from tracking_certificates")
        }
        // A day before it is due nothing happens; then it is renewed, and links stay where they are.
        fixture.house.clock.advance(by: .seconds(59 * 86_400))
        #expect(try await !replica.orderDue())
        fixture.house.clock.advance(by: .seconds(86_400))
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 2)
        #expect(await fixture.base() == "https://track.acme.example")
        try await folder.keep()
        #expect(try fixture.files()["track.acme.example.pem"]?.hasPrefix("key 2") == true)
        #expect(try await fixture.events() == ["issued", "issued"])
    }

    @Test("without its CNAME a host is not ordered; back, it has its certificate again as long as that lasts")
    func withoutCNAME() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        let replica = try fixture.replica(world)
        let domain = try await fixture.proven()
        // Gone between the check and the order.
        world.isProven = false
        try await fixture.orderAll(replica)
        #expect(try await fixture.state(domain) == "waiting")
        #expect(world.ordered.isEmpty)
        // DNS does not say: looked at again in ten minutes, and nothing is ordered.
        world.isProven = nil
        try await fixture.check(domain, isProven: true)
        try await fixture.orderAll(replica)
        #expect(try await fixture.state(domain) == "ordered" && world.ordered.isEmpty)
        world.isProven = true
        #expect(try await !replica.orderDue())
        fixture.house.clock.advance(by: .seconds(601))
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 1)
        // Gone for good, as the check found: links leave it, and nobody renews.
        fixture.house.clock.advance(by: .seconds(61))
        try await fixture.check(domain, isProven: false)
        #expect(await fixture.base() == "https://localhost:8443")
        #expect(try await fixture.state(domain) == "waiting")
        fixture.house.clock.advance(by: .seconds(10 * 86_400))
        try await fixture.orderAll(replica)
        try await fixture.check(domain, isProven: true)
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 1)
        #expect(await fixture.base() == "https://track.acme.example")
        // Away until it ended: what is left of it is destroyed, and another one ordered when it comes back.
        try await fixture.check(domain, isProven: false)
        fixture.house.clock.advance(by: .seconds(90 * 86_400))
        let tidy = try #require(fixture.service.certificates.jobHandlers["certificates.tidy"])
        #expect(
            try await tidy(
                RunningJob(
                    id: UUID(), fence: 1, queue: "queue:maintenance", kind: "certificates.tidy", tenant: TenantID(UUID()), lane: UUID(),
                    payload: Data(), attempt: 1,
                    maxAttempts: 5, entry: StreamEntryPlace(stream: "", position: ""))) == .done)
        let left = try await fixture.database.query("select count(*) as n from tracking_certificates where key_sealed is not null").first
        #expect(try left?.decode("n", as: Int64.self) == 0)
        #expect(try await fixture.house.rows(of: fixture.tenant)["certificate_orders"] == nil)
        try await fixture.check(domain, isProven: true)
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 2)
    }

    @Test("a domain that another company owns is not ordered for")
    func owners() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        let (first, other) = (try await fixture.proven(), TenantID(UUID()))
        let second = try await fixture.proven(of: other)
        try await fixture.orderAll(try fixture.replica(world))
        #expect(world.ordered == ["track.acme.example"])
        #expect(try await fixture.state(first) == "waiting")
        #expect(try await fixture.view(second, of: other)["state"] as? String == "issued")
        #expect(try await fixture.ask(.get, "/api/v1/domains/\(second)").status == 404)
    }

    @Test("two replicas make one order of a host, also when one of them dies over it")
    func replicas() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        let (one, two) = (try fixture.replica(world), try fixture.replica(world))
        let domain = try await fixture.proven()
        async let first = one.orderDue()
        async let second = two.orderDue()
        _ = try await (first, second)
        #expect(world.ordered.count == 1)
        #expect(try await fixture.state(domain) == "issued")
        // Taken and never finished: somebody else's after ten minutes, and what the dead one still says is nobody's.
        let other = try await fixture.proven("other.example")
        let lost = try #require(try await one.orders.take(at: fixture.now))
        #expect(try await one.orders.admit(lost, at: fixture.now) == .go)
        #expect(try await !two.orderDue())
        fixture.house.clock.advance(by: .seconds(601))
        try await fixture.orderAll(two)
        #expect(world.ordered == ["track.acme.example", "track.other.example"])
        let late = IssuedCertificate(chain: "late", key: "late", startsAt: fixture.now, endsAt: fixture.now.addingTimeInterval(1_000))
        let now = fixture.now
        #expect(try await fixture.database.transaction { try await one.orders.finish(lost, late, at: now, in: $0) } == false)
        #expect(try await fixture.state(other) == "issued")
    }

    @Test("a refusal is shown with the authority's words, tried again after a growing while, and told once")
    func refusals() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        let replica = try fixture.replica(world)
        let domain = try await fixture.proven()
        world.failure = CertificateFailure(.refused, "connection: connection refused")
        try await fixture.orderAll(replica)
        let view = try await fixture.view(domain)
        #expect(view["state"] as? String == "failing" && (view["detail"] as? String)?.contains("connection refused") == true)
        #expect(view["next_attempt_at"] as? String == WireJSON.format(fixture.now.addingTimeInterval(900)))
        fixture.house.clock.advance(by: .seconds(899))
        #expect(try await !replica.orderDue())
        fixture.house.clock.advance(by: .seconds(1))
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 2)
        fixture.house.clock.advance(by: .seconds(1_799))
        #expect(try await !replica.orderDue())
        // A company that asks for checks, or takes the domain out and puts it in again, gets no more tries than the authority allows.
        for _ in 0..<10 {
            _ = try await fixture.ask(.delete, "/api/v1/domains/\(domain)")
            try await fixture.database.query("delete from domains where tenant_id = \(fixture.tenant)")
            _ = try await fixture.proven()
            try await fixture.orderAll(replica)
        }
        #expect(world.ordered.count == CertificatePolicy.mostFailures)
        let last = try await fixture.proven("second.example")
        world.failure = CertificateFailure(.authority, "/secret/path: connection refused")
        try await fixture.orderAll(replica)
        #expect((try await fixture.view(last)["detail"] as? String)?.contains("secret") == false)
        world.failure = nil
        fixture.house.clock.advance(by: .seconds(3_601))
        try await fixture.orderAll(replica)
        #expect(try await fixture.state(last) == "issued")
    }

    @Test("a certificate that cannot be renewed is used to its end, and not a moment longer")
    func expiry() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        let replica = try fixture.replica(world)
        let domain = try await fixture.proven()
        try await fixture.orderAll(replica)
        world.failure = CertificateFailure(.refused, "dns: gone")
        fixture.house.clock.advance(by: .seconds(61 * 86_400))
        try await fixture.orderAll(replica)
        let view = try await fixture.view(domain)
        #expect(view["state"] as? String == "issued" && (view["detail"] as? String)?.contains("dns: gone") == true)
        #expect(await fixture.base() == "https://track.acme.example")
        fixture.house.clock.advance(by: .seconds(29 * 86_400 + 1))
        #expect(await fixture.base() == "https://localhost:8443")
        #expect(try await fixture.state(domain) == "failing")
        try await fixture.orderAll(replica)
        #expect(try await fixture.state(domain) == "failing")
        #expect(try await fixture.events() == ["issued", "failing"])
    }

    @Test("the platform orders so many in an hour, and so many of one organisation in a week")
    func limits() async throws {
        let fixture = try await CertificateFixture.make(perHour: 3)
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        let replica = try fixture.replica(world)
        for number in 0..<4 { _ = try await fixture.proven("d\(number).example") }
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 3)
        fixture.house.clock.advance(by: .seconds(3_601))
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 4)
        try await fixture.database.query(
            """
            insert into certificate_orders (tenant_id, id, host, organisation, is_renewal, ordered_at, outcome)
            select gen_random_uuid(), gen_random_uuid(), 'track.' || n || '.large.example', 'large.example', false,
                \(fixture.now.addingTimeInterval(-7_200)), 'issued' from generate_series(1, 40) n
            """)
        let crowded = try await fixture.proven("one.large.example", organisation: "large.example")
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 4)
        #expect((try await fixture.view(crowded)["detail"] as? String)?.contains("within a week") == true)
        fixture.house.clock.advance(by: .seconds(8 * 86_400))
        try await fixture.orderAll(replica)
        #expect(world.ordered.last == "track.one.large.example")
    }

    @Test("while an order runs, and then only, its host answers the authority, on any replica and for no other host")
    func challenges() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        // Another replica than the one that orders.
        let other = try await DeliveryService(fixture.house.house)
        let (statuses, bodies) = try await fixture.house.serving(other) { port in
            @Sendable func answer(_ host: String) async throws -> (status: UInt, body: String) {
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/.well-known/acme-challenge/a-token_1")
                request.headers.replaceOrAdd(name: "Host", value: host)
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
                return (response.status.code, String(buffer: try await response.body.collect(upTo: 4_096)))
            }
            let heard = Mutex([(status: UInt, body: String)]())
            let replica = try fixture.replica(world) {
                for host in ["track.acme.example", "TRACK.acme.example:80", "track.other.example", "localhost"] {
                    let answer = try await answer(host)
                    heard.withLock { $0.append(answer) }
                }
            }
            _ = try await fixture.proven()
            #expect(try await answer("track.acme.example").status == 404)
            try await fixture.orderAll(replica)
            #expect(try await answer("track.acme.example").status == 404)
            return heard.withLock { ($0.map(\.status), $0.map(\.body)) }
        }
        #expect(statuses == [200, 200, 404, 404])
        let replica = try fixture.replica(world)
        let account = try await replica.accounts.account(at: "https://localhost:1/dir", now: fixture.now)
        #expect(bodies.first == "a-token_1.\(account.thumbprint)")
    }

    @Test("when the domain goes its certificate goes, from the table and from the folder; nothing of a company is left")
    func removal() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let (world, folder) = (CertificateFixture.World(), try #require(fixture.service.certificates.folder))
        let (domain, other) = (try await fixture.proven(), try await fixture.proven("other.example"))
        try await fixture.orderAll(try fixture.replica(world))
        try await folder.keep()
        try Data("mine".utf8).write(to: fixture.folder.appending(path: "operator.pem"))
        #expect(try fixture.files().keys.sorted() == ["operator.pem", "track.acme.example.pem", "track.other.example.pem"])
        #expect(try await fixture.ask(.delete, "/api/v1/domains/\(domain)").status == 204)
        fixture.house.clock.advance(by: .seconds(301))
        try await folder.keep()
        #expect(try fixture.files().keys.sorted() == ["operator.pem", "track.other.example.pem"])
        #expect(try await fixture.state(other) == "issued")
        let auth = RPCClient.local(fixture.house.router(fixture.service), caller: .auth)
        for _ in 0..<30 {
            if try await auth.call(DeliveryRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone { break }
        }
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
        fixture.house.clock.advance(by: .seconds(301))
        try await folder.keep()
        #expect(try fixture.files().keys.sorted() == ["operator.pem"])
    }

    @Test("the folder is as the table says: written once, mended when somebody spoils it, by as many replicas as there are")
    func folder() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        for number in 0..<3 { _ = try await fixture.proven("d\(number).example") }
        try await fixture.orderAll(try fixture.replica(world))
        let (house, path) = (fixture.house.house, fixture.folder.path())
        func folder() -> CertificateFolder {
            CertificateFolder(folder: path, database: house.worker, keyring: house.keyring, clock: house.clock, logger: house.logger)
        }
        let (one, two) = (folder(), folder())
        async let first: Void = one.keep()
        async let second: Void = two.keep()
        _ = try await (first, second)
        let whole = try fixture.files()
        #expect(whole.keys.sorted() == ["track.d0.example.pem", "track.d1.example.pem", "track.d2.example.pem"])
        func written() throws -> Date? {
            try FileManager.default.attributesOfItem(atPath: path + "/track.d0.example.pem")[.modificationDate] as? Date
        }
        let before = try written()
        try await one.keep()
        #expect(try written() == before)
        try Data("spoilt".utf8).write(to: fixture.folder.appending(path: "track.d0.example.pem"))
        fixture.house.clock.advance(by: .seconds(301))
        try await one.keep()
        #expect(try fixture.files() == whole)
    }

    @Test("without an authority the domain says so, links stand under the platform's host, and nothing is ordered")
    func off() async throws {
        let fixture = try await CertificateFixture.make(directory: nil)
        defer { fixture.remove() }
        let domain = try await fixture.proven()
        #expect(fixture.service.certificates.watch == nil)
        let view = try await fixture.view(domain)
        #expect(view["state"] as? String == "off" && view["is_used"] as? Bool == false)
        #expect(await fixture.base() == "https://localhost:8443")
        #expect(try await fixture.ask(.get, "/.well-known/acme-challenge/a-token").status == 404)
    }

    @Test("another authority, and certificates of the old one are ordered anew")
    func anotherAuthority() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let world = CertificateFixture.World()
        let replica = try fixture.replica(world)
        _ = try await fixture.proven()
        try await fixture.orderAll(replica)
        try await fixture.database.query("update tracking_certificates set authority = 'https://staging.example/directory'")
        fixture.house.clock.advance(by: .seconds(61))
        #expect(await fixture.base() == "https://localhost:8443")
        try await replica.orders.adopt(at: fixture.now)
        try await fixture.orderAll(replica)
        #expect(world.ordered.count == 2)
        #expect(await fixture.base() == "https://track.acme.example")
    }

    @Test("what is due, whose challenge it is, and what was ordered lately are found by their indexes")
    func plans() async throws {
        let fixture = try await CertificateFixture.make()
        defer { fixture.remove() }
        let owner = Database(fixture.house.database.configuration(role: "delivery_owner"), connections: 1)
        let now = fixture.now
        try await owner.query(
            """
            insert into domains (tenant_id, id, workspace_id, name, token, created_at, next_check_at)
            select \(fixture.tenant), gen_random_uuid(), \(fixture.workspace), 'd' || n || '.example', 't', \(now), \(now) from generate_series(1, 5000) n
            """)
        try await owner.query(
            """
            insert into tracking_certificates (tenant_id, host, domain_id, organisation, next_at, created_at)
            select tenant_id, 'track.' || name, id, name, \(now)::timestamptz + make_interval(secs => row_number() over ()), \(now) from domains
            """)
        try await owner.query(
            """
            insert into certificate_orders (tenant_id, id, host, organisation, is_renewal, ordered_at)
            select tenant_id, gen_random_uuid(), host, organisation, false, \(now)::timestamptz - make_interval(secs => 60 * row_number() over ())
            from tracking_certificates
            """)
        try await owner.query("analyze tracking_certificates")
        try await owner.query("analyze certificate_orders")
        func plan(_ statement: SQL) async throws -> String {
            try await owner.query("explain \(statement)").map { try $0.decode("QUERY PLAN", as: String.self) }.joined(separator: "\n")
        }
        let (soon, recent) = (now.addingTimeInterval(2), now.addingTimeInterval(-600))
        for (statement, index) in [
            ("select host from tracking_certificates where next_at <= \(soon) order by next_at limit 1", "tracking_certificates_due"),
            ("select host from tracking_certificates where host = \("track.d7.example")", "tracking_certificates_host"),
            ("select count(*) from certificate_orders where ordered_at > \(recent)", "certificate_orders_time"),
            ("select count(*) from certificate_orders where host = \("track.d7.example") and ordered_at > \(recent)", "certificate_orders_host"),
            (
                "select count(*) from certificate_orders where organisation = \("d7.example") and ordered_at > \(recent)",
                "certificate_orders_organisation"
            ),
        ] as [(SQL, String)] {
            let plan = try await plan(statement)
            #expect(plan.contains(index) && !plan.contains("Seq Scan"), "\(plan)")
        }
    }

    @Test("settings that cannot work are named at the start, all of them")
    func settings() async throws {
        let fixture = try await CertificateFixture.make(directory: nil)
        defer { fixture.remove() }
        for (directory, contact, agreed) in [
            ("http://a.example/dir", "ops@penguin.example", "true"), ("https://a.example/dir", "nobody", "true"),
            ("https://a.example/dir", "../x@penguin.example", "true"), ("https://a.example/dir", "ops@penguin.example", "false"),
        ] {
            await #expect(throws: SettingsError.self, "\(directory) \(contact) \(agreed)") {
                _ = try await TestHouse.make(
                    for: DeliveryService.self,
                    configuration: [
                        "acme.directory.url": directory, "acme.contact": contact, "acme.terms.agreed": agreed,
                        "delivery.certificates.folder": "/tmp/nowhere",
                    ]
                ).certificateSettings()
            }
        }
    }
}

extension TestHouse {
    fileprivate func certificateSettings() throws -> CertificateSettings { try CertificateSettings(house.settings) }
}
