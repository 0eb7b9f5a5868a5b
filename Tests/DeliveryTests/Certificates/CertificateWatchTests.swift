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
}
