import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import OutgoingHTTP
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import Delivery

/// A company with webhooks, on real Postgres and Redis; its servers are doubles on this machine unless a test says otherwise.
struct WebhookGround: Sendable {
    let house: TestHouse
    let service: DeliveryService
    let tenant = TenantID(UUID())
    let workspace = WorkspaceID(UUID())

    static func make(reach: String = "anywhere") async throws -> WebhookGround {
        var auth = RPCRouter(service: .auth)
        auth.on(AuthRPC.ReadWorkspace.self) { request, _ in
            AuthRPC.Workspace(id: request.workspace, name: "W", slug: "w", postalAddress: nil)
        }
        let house = try await TestHouse.make(
            for: DeliveryService.self, peers: [.auth: auth], configuration: ["delivery.webhook.reach": reach])
        return WebhookGround(house: house, service: try await DeliveryService(house.house))
    }

    /// Another company in the same house.
    var other: WebhookGround { WebhookGround(house: house, service: service) }
    var database: Database { house.house.worker }
    var now: Date { house.clock.clock.now }
    var courier: WebhookCourier { service.webhooks.courier }

    func ask(
        _ method: HTTPRequest.Method, _ path: String = "", _ body: String? = nil, role: Role = .admin, workspaces: [WorkspaceID]? = nil,
        key: String? = nil, apiKey: UUID? = nil
    ) async throws -> (status: Int, body: String) {
        var headers = try await house.identityHeader(tenant: tenant, role: role, workspaces: workspaces, apiKey: apiKey)
        headers[.contentType] = "application/json"
        headers[.idempotencyKey] = key
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: "/api/v1/webhooks\(path)", method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
    }

    struct Created: Decodable {
        struct Webhook: Decodable { let id: WebhookID }
        let webhook: Webhook
        let secret: String
    }

    func create(_ url: String, types: String = #"["*"]"#, workspace: WorkspaceID? = nil) async throws -> (id: WebhookID, secret: String) {
        let place = workspace.map { #","workspace":"\#($0)""# } ?? ""
        let answer = try await ask(.post, "", #"{"url":"\#(url)","types":\#(types)\#(place)}"#)
        try #require(answer.status == 201, "\(answer.body)")
        let created = try WireJSON.decoder().decode(Created.self, from: Data(answer.body.utf8))
        return (created.webhook.id, created.secret)
    }

    func fact(_ key: String = UUID().uuidString, _ type: WebhookType = .campaignPaused, in workspace: WorkspaceID? = nil) -> WebhookFact {
        WebhookFact(
            tenant: tenant, workspace: workspace, type: type, sourceKey: key, at: now, data: WebhookData(campaign: CampaignID(UUID()), status: key))
    }

    func publish(_ facts: [WebhookFact]) async throws {
        let publisher = service.webhooks.publisher
        try await database.transaction { try await publisher.publish(facts, in: $0) }
    }

    func publish(_ count: Int) async throws {
        try await publish((0..<count).map { _ in fact() })
    }

    /// Hears an event as the streams' readers do.
    func hear(_ event: some Event, workspace: WorkspaceID? = nil, id: Int = 1) async throws {
        let received = try received(event, workspace: workspace)
        let publisher = service.webhooks.publisher
        for _ in 0..<id { try await database.transaction { try await publisher.hear([received], in: $0) } }
    }

    func received(_ event: some Event, workspace: WorkspaceID? = nil) throws -> ReceivedEvent {
        let pending = try PendingEvent(event, at: now, tenant: tenant, workspace: workspace, actor: .system("test"))
        return try ReceivedEvent(body: Array(pending.body.utf8))
    }

    /// Delivers what is due until nothing is; how many attempts that were.
    @discardableResult
    func work() async throws -> Int {
        var attempts = 0
        while true {
            let orders = try await courier.claim(room: 1_000)
            if orders.isEmpty { return attempts }
            attempts += orders.count
            let courier = courier
            await withDiscardingTaskGroup { group in
                for order in orders { group.addTask { await courier.deliver(order) } }
            }
        }
    }

    /// A courier that gives no server up.
    func patientCourier() throws -> WebhookCourier {
        var limits = OutgoingLimits()
        limits.total = .seconds(600)
        let http = try OutgoingHTTP(reach: .anywhere, userAgent: "Test", limits: limits, logger: house.house.logger)
        return WebhookCourier(
            queue: courier.queue, sender: WebhookSender(http: http, reach: .anywhere, keyring: house.house.keyring, clock: house.clock.clock),
            outbox: house.house.outbox, clock: house.clock.clock, wakeup: Wakeup(), logger: house.house.logger, slots: 512, spread: { 0 })
    }

    func states() async throws -> [String: Int] {
        let rows = try await database.query("select state, count(*) as n from webhook_deliveries where tenant_id = \(tenant) group by state")
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("state"), try $0.decode("n")) })
    }

    func state(of webhook: WebhookID) async throws -> String {
        try await database.query("select state from webhook_endpoints where id = \(webhook)")[0].decode("state")
    }

    /// The trail's entries about webhooks, in the order of the alphabet: those of one instant have no other.
    func acts() async throws -> [String] {
        let rows = try await database.query("select body from outbox where tenant_id = \(tenant) and type = 'delivery.webhook.changed'")
        return try rows.compactMap { row in
            let body: String = try row.decode("body")
            return body.firstMatch(of: /"action":"([a-z._]+)"/).map { String($0.1) }
        }.sorted()
    }
}
