import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import RPC
import Synchronization
import TestSupport
import Testing

@testable import Campaigns

/// Delivery and Audit as the saga sees them: they remember what they were asked, and can lose answers, refuse, or have more to do.
final class ErasurePeers: Sendable {
    struct State {
        var calls: [String] = []
        var recipients: [DeliveryRPC.EraseRecipient] = []
        var subjects: [AuditRPC.EraseSubject] = []
        /// Thrown after the effect, so many times.
        var lost: [String: Int] = [:]
        /// How often a peer says that more is left.
        var unfinished: [String: Int] = [:]
        var refusal: String?
        /// How many rows of the lead stood in Campaigns whenever a peer was asked.
        var rowsSeen: [Int] = []
        var look: (@Sendable () async throws -> Int)?
    }

    let state = Mutex(State())

    var calls: [String] { state.withLock { $0.calls } }

    private func answer(_ peer: String) async throws -> PurgeResult {
        let look = state.withLock { $0.look }
        let seen = try await look?()
        let (refusal, isLost, isDone) = state.withLock { state -> (String?, Bool, Bool) in
            if let seen { state.rowsSeen.append(seen) }
            if let refusal = state.refusal { return (refusal, false, false) }
            state.calls.append(peer)
            let lost = state.lost[peer] ?? 0
            state.lost[peer] = max(0, lost - 1)
            guard lost == 0 else { return (nil, true, false) }
            let left = state.unfinished[peer] ?? 0
            state.unfinished[peer] = max(0, left - 1)
            return (nil, false, left == 0)
        }
        if let refusal { throw RPCError(kind: refusal, message: "not today") }
        if isLost { throw RPCError.unavailable("the answer was lost") }
        return PurgeResult(isDone: isDone)
    }

    var routers: [ServiceName: RPCRouter] {
        var delivery = RPCRouter(service: .delivery)
        delivery.on(DeliveryRPC.EraseRecipient.self) { request, _ in
            self.state.withLock { $0.recipients.append(request) }
            return try await self.answer("delivery")
        }
        var audit = RPCRouter(service: .audit)
        audit.on(AuditRPC.EraseSubject.self) { request, _ in
            self.state.withLock { $0.subjects.append(request) }
            return try await self.answer("audit")
        }
        return [.delivery: delivery, .audit: audit]
    }
}

/// Campaigns on a real database beside those peers, with a company whose lead Ada left traces everywhere, as did Bo, who stays.
struct ErasureGround: Sendable {
    static let address = "ada@lead.example"

    let peers: ErasurePeers
    let house: TestHouse
    let service: CampaignsService
    let tenant = TenantID(UUID())
    let workspace = WorkspaceID(UUID())
    let list = ListID(UUID())
    let campaigns = [CampaignID(UUID()), CampaignID(UUID())]
    let ada = LeadID(UUID())
    let bo = LeadID(UUID())

    static func make(status: LeadStatus = .active) async throws -> ErasureGround {
        let peers = ErasurePeers()
        let house = try await TestHouse.make(for: CampaignsService.self, peers: peers.routers)
        let ground = ErasureGround(peers: peers, house: house, service: try await CampaignsService(house.house))
        try await ground.fill(status)
        let (database, tenant, ada) = (ground.database, ground.tenant, ground.ada)
        peers.state.withLock { state in
            state.look = {
                try await database.query(
                    """
                    select (select count(*) from leads where tenant_id = \(tenant) and id = \(ada))
                         + (select count(*) from list_members where tenant_id = \(tenant) and lead_id = \(ada)) as n
                    """)[0].decode("n")
            }
        }
        return ground
    }

    var database: Database { house.house.worker }

    /// A loop of a process of its own, as after a restart.
    func loop() async throws -> ErasureLoop { try await CampaignsService(house.house).erasure }

    private func fill(_ status: LeadStatus) async throws {
        let now = house.clock.clock.now
        let leads = [(ada, Self.address, "Ada", status), (bo, "bo@lead.example", "Bo", LeadStatus.active)]
        for (lead, email, name, status) in leads {
            let company = "Friends of \(email)"
            let statements: [SQL] = [
                """
                insert into leads (tenant_id, id, email, first_name, company, status, created_at, updated_at)
                values (\(tenant), \(lead), \(email), \(name), \(company), \(status), \(now), \(now))
                """,
                "insert into lead_workspaces (tenant_id, workspace_id, lead_id) values (\(tenant), \(workspace), \(lead))",
                "insert into list_members (tenant_id, list_id, lead_id, added_at) values (\(tenant), \(list), \(lead), \(now))",
                """
                insert into lead_activities (tenant_id, lead_id, id, kind, actor, detail, at)
                values (\(tenant), \(lead), \(UUID()), 'created', 'import', jsonb_build_object('email', \(email)::text), \(now))
                """,
                """
                insert into import_changes (tenant_id, import_id, lead_id, kind, before, after_revision, has_added_workspace, has_added_list,
                    added_tags)
                values (\(tenant), \(UUID()), \(lead), 'updated', jsonb_build_object('email', \(email)::text), 2, false, false, '{}')
                """,
                """
                insert into import_errors (tenant_id, import_id, line, reason, field, value, raw) values
                    (\(tenant), \(UUID()), 1, 'lead_limit_reached', 'email', upper(\(email)::text), null),
                    (\(tenant), \(UUID()), 2, 'value_too_long', 'company', 'x', 'a,' || upper(\(email)::text) || ',b')
                """,
            ]
            for statement in statements { try await database.query(statement) }
        }
        try await database.query(
            """
            insert into lists (tenant_id, id, workspace_id, name, leads, created_at) values (\(tenant), \(list), \(workspace), 'L', 2, \(now))
            """)
        try await database.query(
            "insert into lead_counts (tenant_id, leads) values (\(tenant), 2) on conflict (tenant_id) do update set leads = 2")
        for (campaign, status) in zip(campaigns, ["waiting", "finished"]) {
            let waiting = status == "waiting" ? 2 : 0
            try await database.query(
                """
                insert into campaign_counters (tenant_id, campaign_id, waiting, finished)
                values (\(tenant), \(campaign), \(waiting), \(2 - waiting))
                """)
            for lead in [ada, bo] {
                try await database.query(
                    """
                    insert into enrolments (tenant_id, id, campaign_id, lead_id, status, due_at, created_at)
                    values (\(tenant), \(UUID()), \(campaign), \(lead), \(status), \(now), \(now))
                    """)
            }
        }
    }

    struct Answer: Sendable {
        let status: Int
        let body: String

        private func value(_ path: [String]) -> Any? {
            var value: Any? = try? JSONSerialization.jsonObject(with: Data(body.utf8))
            for name in path { value = (value as? [String: Any])?[name] }
            return value
        }

        func member(_ path: String...) -> String? { value(path) as? String }
        func number(_ name: String) -> Int? { value([name]) as? Int }
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
                Answer(status: $0.status.code, body: String(buffer: $0.body))
            }
        }
    }

    /// Asks for it as an owner does.
    @discardableResult
    func ask(_ body: String = #"{"reason":"she asked by mail","ticket":"T-1"}"#) async throws -> Answer {
        try await send(.post, "/api/v1/leads/\(ada)/erase", body)
    }

    /// Lets a loop work while time goes on, until everything that was asked for is finished.
    func finish(with loop: ErasureLoop) async throws {
        for _ in 0..<200 {
            while try await loop.advance() {}
            if try await number("select count(*) as n from erasures where finished_at is null") == 0 { return }
            house.clock.advance(by: .seconds(5))
        }
        Issue.record("the erasure does not end")
    }

    func number(_ sql: SQL) async throws -> Int { try await database.query(sql)[0].decode("n") }

    func audited(_ action: String) async throws -> [String] {
        let pattern = "%\"action\":\"\(action)\"%"
        return try await database.query("select body from outbox where body like \(pattern) order by id").map { try $0.decode("body") }
    }

    /// What must hold at the end, whatever happened on the way.
    func checkFinished(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        #expect(try await house.tables(holding: Self.address) == [], sourceLocation: sourceLocation)
        #expect(try await house.tables(holding: "she asked") == [], sourceLocation: sourceLocation)
        #expect(try await house.tables(holding: "bo@lead.example").contains("leads"), sourceLocation: sourceLocation)
        let left = try await house.rows(of: tenant).filter { $0.key != "idempotency_keys" && !$0.key.hasPrefix("enrolment_") }
        let expected = [
            "leads": 1, "lead_workspaces": 1, "lists": 1, "list_members": 1, "lead_activities": 1, "import_changes": 1, "import_errors": 2,
            "lead_counts": 1, "campaign_counters": 2, "enrolments": 4, "erasures": 1,
        ]
        #expect(left == expected, sourceLocation: sourceLocation)
        #expect(try await number("select leads as n from lists") == 1, sourceLocation: sourceLocation)
        #expect(try await number("select leads as n from lead_counts") == 1, sourceLocation: sourceLocation)
        let known: SQL = """
            select count(*) as n from erasures where finished_at is not null and stopped_at <= delivery_at and delivery_at <= audit_at
              and audit_at <= campaigns_at and address_sealed is null and reason is null and failure is null and is_opted_out is null
            """
        #expect(try await number(known) == 1, sourceLocation: sourceLocation)
        #expect(try await audited("lead.erased").count == 1, sourceLocation: sourceLocation)
        // Each peer was asked, Audit not before Delivery had answered, and nothing of the lead was removed before.
        let state = peers.state.withLock { ($0.calls, $0.rowsSeen) }
        let firstAudit = state.0.firstIndex(of: "audit")
        #expect(state.0.first == "delivery" && firstAudit != nil, sourceLocation: sourceLocation)
        #expect(!state.0[(firstAudit ?? 0)...].contains("delivery"), sourceLocation: sourceLocation)
        #expect(state.1.allSatisfy { $0 == 2 }, sourceLocation: sourceLocation)
    }
}
