import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import RPC
import ServiceRuntime
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Delivery

/// Delivery with an authority for tracking hosts, on real Postgres; what the authority says is a test's, unless it is Pebble's.
struct CertificateFixture: Sendable {
    static let cnameTarget = "links.penguin.example"

    let house: TestHouse
    let service: DeliveryService
    let folder: URL
    let tenant = TenantID(UUID())
    let workspace = WorkspaceID(UUID())

    /// `directory`: nil is no authority at all.
    static func make(
        directory: String? = "https://localhost:1/dir", trust: String? = nil, dns: TestDNSServer? = nil, perHour: Int = 60
    ) async throws -> CertificateFixture {
        var auth = RPCRouter(service: .auth)
        auth.on(AuthRPC.ReadWorkspace.self) { request, _ in
            AuthRPC.Workspace(id: request.workspace, name: "W", slug: "w", postalAddress: nil)
        }
        var billing = RPCRouter(service: .billing)
        TestPlaces(limits: [:]).add(to: &billing)
        let folder = FileManager.default.temporaryDirectory.appending(path: "penguin-tracking-\(UUID().uuidString)")
        var settings = ["delivery.certificates.folder": folder.path(), "tracking.cname.target": cnameTarget, "acme.orders.per.hour": "\(perHour)"]
        if let directory {
            settings.merge(["acme.directory.url": directory, "acme.contact": "ops@penguin.example", "acme.terms.agreed": "true"]) { $1 }
            settings["acme.ca.file"] = trust
        }
        settings["dns.server"] = dns?.address
        let house = try await TestHouse.make(for: DeliveryService.self, peers: [.auth: auth, .billing: billing], configuration: settings)
        return CertificateFixture(house: house, service: try await DeliveryService(house.house), folder: folder)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    var database: Database { house.house.worker }
    var now: Date { house.clock.clock.now }

    // MARK: - Domains

    /// A domain whose tracking CNAME was proven, as its check leaves it.
    func proven(_ name: String = "acme.example", of tenant: TenantID? = nil, organisation: String? = nil) async throws -> DomainID {
        let (owner, domain) = (tenant ?? self.tenant, DomainID(.v7(at: now)))
        try await database.query(
            """
            insert into domains (tenant_id, id, workspace_id, name, token, created_at, next_check_at)
            values (\(owner), \(domain), \(workspace), \(name), 't', \(now), \(now))
            """)
        try await database.query(
            """
            insert into domain_owners (name, tenant_id, domain_id, proven_at) values (\(name), \(owner), \(domain), \(now))
            on conflict (name) do update set tenant_id = excluded.tenant_id, domain_id = excluded.domain_id
            """)
        try await check(domain, of: owner, isProven: true, organisation: organisation)
        return domain
    }

    /// What a check of the domain writes about its tracking host.
    func check(_ domain: DomainID, of tenant: TenantID? = nil, isProven: Bool, organisation: String? = nil) async throws {
        let (owner, now) = (tenant ?? self.tenant, now)
        try await database.transaction { transaction in
            var found = try #require(try await DomainStore.lock(domain, of: owner, in: transaction))
            found.report.organisation = organisation
            let host = isProven ? TrackingCheck.name(of: found.name) : nil
            try await DomainStore.write(found, trackingHost: host, of: owner, in: transaction)
            try await CertificateStore.follow(found, host: host, of: owner, at: now, in: transaction)
        }
    }

    // MARK: - Ordering

    /// What the authority and DNS say, and who was asked.
    final class World: Sendable {
        private let state = Mutex((proof: Bool?.some(true), failure: CertificateFailure?.none, ordered: [String]()))

        var isProven: Bool? {
            get { state.withLock { $0.proof } }
            set { state.withLock { $0.proof = newValue } }
        }
        var failure: CertificateFailure? {
            get { state.withLock { $0.failure } }
            set { state.withLock { $0.failure = newValue } }
        }
        /// Hosts in the order in which they were ordered.
        var ordered: [String] { state.withLock { $0.ordered } }

        func order(_ host: String) -> Int {
            state.withLock {
                $0.ordered.append(host)
                return $0.ordered.count
            }
        }
    }

    /// A replica that orders from `world`; certificates last 90 days.
    func replica(_ world: World, meanwhile: @escaping @Sendable () async throws -> Void = {}) throws -> CertificateWatch {
        let clock = house.clock.clock
        let feature = try CertificatesFeature(
            house.house, isProven: { _ in world.isProven },
            order: { host, _ in
                let number = world.order(host)
                try await meanwhile()
                if let failure = world.failure { throw failure }
                return IssuedCertificate(
                    chain: "chain \(number) of \(host)", key: "key \(number) of \(host)", startsAt: clock.now,
                    endsAt: clock.now.addingTimeInterval(90 * 86_400))
            }, spread: { 0 })
        return try #require(feature.watch)
    }

    /// Everything that is due.
    func orderAll(_ replica: CertificateWatch) async throws {
        while try await replica.orderDue() {}
    }

    /// How the host stands for its owner.
    func view(_ domain: DomainID, of tenant: TenantID? = nil) async throws -> [String: Any] {
        let answer = try await ask(.get, "/api/v1/domains/\(domain)", tenant: tenant)
        #expect(answer.status == 200, "\(answer.body)")
        let json = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any]
        return try #require(json?["tracking_certificate"] as? [String: Any])
    }

    func state(_ domain: DomainID) async throws -> String { try await view(domain)["state"] as? String ?? "" }

    /// Under which address links of the domain's mail stand.
    func base(_ domain: String = "acme.example", of tenant: TenantID? = nil) async -> String {
        await service.tracking.host.base(of: tenant ?? self.tenant, from: "me@\(domain)")
    }

    func files() throws -> [String: String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return try Dictionary(uniqueKeysWithValues: names.map { ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8)) })
    }

    func ask(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, tenant: TenantID? = nil) async throws -> (status: Int, body: String)
    {
        var headers = try await house.identityHeader(tenant: tenant ?? self.tenant)
        headers[.contentType] = "application/json"
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
    }

    func events() async throws -> [String] {
        try await database.query("select body from outbox where type = 'delivery.tracking_certificate.changed' order by id").map { row in
            let event = try ReceivedEvent(body: Array(row.decode("body", as: String.self).utf8))
            return try event.data(as: DeliveryEvents.TrackingCertificateChanged.self).state
        }
    }
}
