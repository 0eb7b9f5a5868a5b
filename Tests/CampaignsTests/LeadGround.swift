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

@testable import Campaigns

/// What Delivery was told about people who asked by hand not to be written to.
final class SuppressionLog: Sendable {
    private let requests = Mutex<[DeliveryRPC.SuppressRecipients]>([])

    func add(_ request: DeliveryRPC.SuppressRecipients) { requests.withLock { $0.append(request) } }
    var all: [DeliveryRPC.SuppressRecipients] { requests.withLock { $0 } }
    var addresses: [String] { all.flatMap(\.addresses).sorted() }
}

/// Campaigns on a real database, with two workspaces and people of several kinds.
struct LeadGround: Sendable {
    let peers: Peers
    let house: TestHouse
    let service: CampaignsService
    let suppressions: SuppressionLog
    let tenant = TenantID(UUID())
    let other = WorkspaceID(UUID())
    let user = UserID(UUID())

    var workspace: WorkspaceID { peers.workspace }
    var worker: Database { house.house.worker }
    var now: Date { house.clock.clock.now }

    static func make() async throws -> LeadGround {
        let (peers, log) = (Peers(), SuppressionLog())
        var routers = peers.routers
        var delivery = RPCRouter(service: .delivery)
        delivery.on(DeliveryRPC.FindSuppressed.self) { request, _ in
            peers.state.withLock { state in request.addresses.filter(state.suppressed.contains) }
        }
        delivery.on(DeliveryRPC.SuppressRecipients.self) { request, _ in
            guard request.addresses.count <= 500 else { throw RPCError(kind: "invalid_batch", message: "too many") }
            log.add(request)
            return DeliveryRPC.Suppressed(added: request.addresses.count)
        }
        routers[.delivery] = delivery
        let house = try await TestHouse.make(for: CampaignsService.self, peers: routers)
        return LeadGround(peers: peers, house: house, service: try await CampaignsService(house.house), suppressions: log)
    }

    struct Answer: Sendable {
        let status: Int
        let body: String
        let tag: String?

        func member(_ name: String) -> Any? {
            ((try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any])?[name]
        }

        func text(_ name: String) -> String { member(name) as? String ?? "" }
        func number(_ name: String) -> Int { member(name) as? Int ?? -1 }
        func texts(_ name: String) -> [String] { member(name) as? [String] ?? [] }
        /// The member of each thing of a page.
        func data(_ name: String) -> [String] {
            (member("data") as? [[String: Any]] ?? []).map { $0[name] as? String ?? "" }
        }
        var next: String? { (member("page") as? [String: Any])?["next"] as? String }
        /// The kind of a problem.
        var kind: String { String(text("type").dropFirst("/problems/".count)) }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, tenant: TenantID? = nil, role: Role = .owner,
        workspaces: [WorkspaceID]? = nil, match: String? = nil, key: String? = nil
    ) async throws -> Answer {
        var headers = try await house.identityHeader(tenant: tenant ?? self.tenant, user: user, role: role, workspaces: workspaces)
        headers[.contentType] = "application/json"
        headers[.ifMatch] = match
        headers[.idempotencyKey] = key
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                Answer(status: $0.status.code, body: String(buffer: $0.body), tag: $0.headers[.eTag])
            }
        }
    }

    /// Makes a lead; `members` are further members of the body.
    func create(_ email: String, _ members: String = "", in workspace: WorkspaceID? = nil) async throws -> Answer {
        let rest = members.isEmpty ? "" : ",\(members)"
        return try await send(.post, "/api/v1/leads", #"{"workspace":"\#(workspace ?? self.workspace)","email":"\#(email)"\#(rest)}"#)
    }

    func list(_ query: String = "", limit: Int = 200) async throws -> Answer {
        try await send(.get, "/api/v1/leads?workspace=\(workspace)&limit=\(limit)\(query.isEmpty ? "" : "&\(query)")")
    }

    /// Leads in bulk, one a millisecond: `user<n>@host<n % 50>.example`.
    func seed(_ count: Int, of tenant: TenantID? = nil, in workspace: WorkspaceID? = nil, prefix: String = "user") async throws {
        let (tenant, workspace, start) = (tenant ?? self.tenant, workspace ?? self.workspace, now.addingTimeInterval(-86_400))
        let instants = (0..<count).map { start.addingTimeInterval(Double($0) / 1_000) }
        let ids = instants.map { UUID.v7(at: $0) }
        try await worker.transaction { transaction in
            try await transaction.query(
                """
                insert into leads (tenant_id, id, email, first_name, last_name, company, tags, created_at, updated_at)
                select \(tenant), id, \(prefix) || n || '@host' || n % 50 || '.example', (array['Ada', 'Bo', 'Carla', 'Dora'])[1 + n % 4],
                    'Name' || n, 'Company ' || n % 100, case when n % 500 = 0 then array['rare'] else '{}' end, at, at
                from unnest(\(ids), \(instants)) with ordinality as t (id, at, n)
                """)
            try await transaction.query(
                "insert into lead_workspaces (tenant_id, workspace_id, lead_id) select \(tenant), \(workspace), id from unnest(\(ids)) as t (id)")
            try await transaction.query(LeadCounter.add(Int64(count), of: tenant))
        }
    }

    func makeList(_ name: String = "L", in workspace: WorkspaceID? = nil) async throws -> ListID {
        let id = ListID(.v7(at: now))
        try await worker.query(
            """
            insert into lists (tenant_id, id, workspace_id, name, created_at)
            values (\(tenant), \(id), \(workspace ?? self.workspace), \(name), \(now))
            """)
        return id
    }

    /// A campaign that runs, in which these leads wait for their first mail.
    func makeCampaign(enrolling leads: [LeadID]) async throws -> CampaignID {
        let campaign = CampaignID(.v7(at: now))
        try await worker.query(
            """
            insert into campaigns (tenant_id, id, workspace_id, name, status, next_at, created_at)
            values (\(tenant), \(campaign), \(workspace), 'Spring', 'active', 'infinity', \(now))
            """)
        try await worker.query(
            "insert into campaign_counters (tenant_id, campaign_id, waiting) values (\(tenant), \(campaign), \(leads.count))")
        try await worker.query(
            """
            insert into enrolments (tenant_id, id, campaign_id, lead_id, due_at, created_at)
            select \(tenant), id, \(campaign), lead_id, \(now), \(now) from unnest(\(leads.map { _ in UUID() }), \(leads)) as n (id, lead_id)
            """)
        return campaign
    }

    /// How many enrolments wait and how many have opted out: by the counters, and really.
    func standing(in campaign: CampaignID) async throws -> [[Int]] {
        let row = try await worker.query(
            """
            select k.waiting, k.unsubscribed, count(*) filter (where e.status = 'waiting') as really_waiting,
                   count(*) filter (where e.status = 'unsubscribed' and e.exit_reason = 'unsubscribed' and e.finished_at is not null) as really_out
            from campaign_counters k join enrolments e on e.tenant_id = k.tenant_id and e.campaign_id = k.campaign_id
            where k.tenant_id = \(tenant) and k.campaign_id = \(campaign) group by k.waiting, k.unsubscribed
            """)[0]
        return [
            [try row.decode("waiting"), try row.decode("unsubscribed")], [try row.decode("really_waiting"), try row.decode("really_out")],
        ]
    }

    /// The list's own count, and how many are really in it.
    func sizes(of list: ListID) async throws -> [Int] {
        let row = try await worker.query(
            """
            select leads, (select count(*) from list_members m where m.tenant_id = l.tenant_id and m.list_id = l.id) as members
            from lists l where l.tenant_id = \(tenant) and l.id = \(list)
            """)[0]
        return [try row.decode("leads"), try row.decode("members")]
    }

    /// The number that the plan's limit is held against, and how many there really are.
    func counts() async throws -> [Int] {
        let row = try await worker.query(
            """
            select (select leads from lead_counts where tenant_id = \(tenant)) as counted,
                (select count(*) from leads where tenant_id = \(tenant)) as leads
            """)[0]
        return [try row.decode("counted"), try row.decode("leads")]
    }

    /// What the trail was told, in order.
    func audits() async throws -> [AuditRecord] {
        struct Body: Decodable {
            let header: EventHeader
        }
        // In the order of their writing: identifiers of one millisecond say little when tests run side by side.
        return try await worker.query("select body from outbox where tenant_id = \(tenant) order by ctid").compactMap { row in
            let body: String = try row.decode("body")
            return try WireJSON.decoder().decode(Body.self, from: Data(body.utf8)).header.audit
        }
    }

    /// Everything that was told to anybody.
    func told() async throws -> String {
        try await worker.query("select body from outbox where tenant_id = \(tenant)").map { try $0.decode("body", as: String.self) }.joined()
    }
}
