import Contracts
import DNS
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Postgres
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams
import TestSupport
import Testing

@testable import Delivery

/// Delivery's part about domains by itself, with keys of the test's own.
struct DomainsAlone: DeployableService {
    static let name = ServiceName.delivery
    static let migrations = DeliveryService.migrations
    static let keys = DeliveryService.keys

    let feature: DomainsFeature

    init(_ house: House) async throws {
        feature = try DomainsFeature(
            house,
            keys: DomainKeys(
                publications: { _, domain in domain.hasPrefix("keyless") ? [] : DomainZone.keys }, make: { _, _ in }, tend: { _, _ in },
                withdraw: { _, _ in }),
            resolver: try DomainsFeature.resolver(house.settings), patience: .seconds(5))
    }

    func routes(on router: Router<AppContext>) { feature.routes(on: router) }
    func methods(on router: inout RPCRouter) { feature.methods(on: &router) }
}

/// Domains on real Postgres and a real DNS server.
struct DomainFixture: Sendable {
    let house: TestHouse
    let service: DomainsAlone
    let dns: TestDNSServer
    let rpc: RPCClient
    let places: TestPlaces
    let tenant = TenantID(UUID())
    let workspace = WorkspaceID(UUID())

    static func make(limit: Int64? = nil, isRequired: Bool = true) async throws -> DomainFixture {
        var auth = RPCRouter(service: .auth)
        auth.on(AuthRPC.ReadWorkspace.self) { request, _ in
            AuthRPC.Workspace(id: request.workspace, name: "W", slug: "w", postalAddress: nil)
        }
        var billing = RPCRouter(service: .billing)
        let places = TestPlaces(limits: limit.map { [.domains: $0] } ?? [:])
        places.add(to: &billing)
        let dns = try await TestDNSServer.start()
        let house = try await TestHouse.make(
            for: DomainsAlone.self, peers: [.auth: auth, .billing: billing],
            configuration: [
                "dns.server": dns.address, "delivery.domains.required": "\(isRequired)", "tracking.cname.target": DomainZone.trackingTarget,
            ])
        let service = try await DomainsAlone(house.house)
        return DomainFixture(
            house: house, service: service, dns: dns, rpc: .local(house.router(service), caller: .campaigns), places: places)
    }

    struct Answer: Sendable {
        let status: Int
        let body: String
        let retryAfter: String?

        var json: [String: Any] { ((try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any]) ?? [:] }
        func text(_ name: String) -> String { json[name] as? String ?? "" }
        func flag(_ name: String) -> Bool { json[name] as? Bool ?? false }

        /// Records of a purpose, each with its state, its value and its codes.
        func records(_ purpose: String) -> [(state: String, name: String, value: String, codes: [String])] {
            (json["records"] as? [[String: Any]] ?? []).filter { $0["purpose"] as? String == purpose }.map { record in
                (
                    record["state"] as? String ?? "", record["name"] as? String ?? "", record["value"] as? String ?? "",
                    (record["findings"] as? [[String: Any]] ?? []).compactMap { $0["code"] as? String }
                )
            }
        }

        var codes: [String] { (json["findings"] as? [[String: Any]] ?? []).compactMap { $0["code"] as? String } }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, tenant: TenantID? = nil, role: Role = .owner,
        workspaces: [WorkspaceID]? = nil, key: String? = nil
    ) async throws -> Answer {
        var headers = try await house.identityHeader(tenant: tenant ?? self.tenant, role: role, workspaces: workspaces)
        headers[.contentType] = "application/json"
        headers[.idempotencyKey] = key
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                Answer(status: $0.status.code, body: String(buffer: $0.body), retryAfter: $0.headers[.retryAfter])
            }
        }
    }

    func add(_ domain: String = DomainZone.domain, tenant: TenantID? = nil, key: String? = nil) async throws -> Answer {
        try await send(.post, "/api/v1/domains", #"{"workspace":"\#(workspace)","domain":"\#(domain)"}"#, tenant: tenant, key: key)
    }

    /// Publishes everything that is asked for, as its owner would, in a zone that is otherwise right.
    func publish(_ answers: Answer...) throws {
        var zone = DomainZone()
        for name in ["_penguinmails.acme.example", "_dmarc.acme.example"] { zone.remove(name) }
        zone.spf()
        for answer in answers {
            for purpose in ["ownership", "spf", "dkim", "dmarc"] {
                for record in answer.records(purpose) {
                    let values = zone.entries[record.name]?.records["TXT"] ?? []
                    if !values.contains(record.value) { zone.set(record.name, "TXT", values + [record.value]) }
                }
            }
        }
        try dns.publish(zone.entries)
    }

    /// What is due by itself, as the background does it.
    func checkDue() async throws {
        while try await service.feature.watch.checkDue() {}
    }

    func mailbox(_ address: String, server: String = "smtp.gmail.com") async throws -> MailboxID {
        let mailbox = MailboxID(UUID())
        try await house.house.worker.query(
            """
            insert into mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username,
                                   password_sealed, created_at, updated_at)
            values (\(tenant), \(mailbox), \(workspace), \(address), 'M', \(server), 587, 'starttls', 'u', 'sealed', now(), now())
            """)
        return mailbox
    }

    func sender(_ mailbox: MailboxID) async throws -> DeliveryRPC.SendingDomains.Sender {
        let answer = try await rpc.call(DeliveryRPC.CheckSendingDomains(tenant: tenant, mailboxes: [mailbox]))
        return try #require(answer.senders.first)
    }

    /// Events about domains, by their states, in the order in which they were told.
    func events() async throws -> [String] {
        try await house.house.worker.query("select body from outbox where type = 'delivery.domain.changed' order by id").compactMap { row in
            try ReceivedEvent(body: Array(row.decode("body", as: String.self).utf8)).data(as: DeliveryEvents.DomainChanged.self).state
        }
    }
}
