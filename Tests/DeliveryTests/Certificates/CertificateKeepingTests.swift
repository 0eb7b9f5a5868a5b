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

@Suite("Certificates of tracking hosts: folder, questions, settings")
struct CertificateKeepingTests {
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
