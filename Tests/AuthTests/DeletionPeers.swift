import Contracts
import Foundation
import HTTPTypes
import Postgres
import Primitives
import RPC
import Synchronization
import TestSupport
import Testing

@testable import Auth

/// The other services as a deletion sees them: they remember what they were asked, and fail or are not done as often as a test says.
final class DeletionPeers: Sendable {
    struct State {
        var calls: [String] = []
        var gates: [DeliveryRPC.SetSendGate] = []
        /// Whom the trail was asked to forget, as `tenant type id`, until it said that it is done.
        var erased: [String] = []
        var failures: [String: Int] = [:]
        var batches: [String: Int] = [:]
    }

    let state = Mutex(State())
    let places = TestPlaces()

    var calls: [String] { state.withLock { $0.calls } }
    var gates: [DeliveryRPC.SetSendGate] { state.withLock { $0.gates } }
    var erased: [String] { state.withLock { $0.erased } }

    func set(failures: [String: Int] = [:], batches: [String: Int] = [:]) {
        state.withLock {
            $0.failures = failures
            $0.batches = batches
        }
    }

    /// What was asked, without repetitions in a row.
    var order: [String] {
        calls.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    private func hear(_ name: String) throws -> PurgeResult {
        try state.withLock { state in
            state.calls.append(name)
            if let left = state.failures[name], left > 0 {
                state.failures[name] = left - 1
                // Not "unavailable", which the client would ask again about by itself.
                throw RPCError(kind: "broken", message: "not today")
            }
            let left = state.batches[name] ?? 0
            state.batches[name] = left - 1
            return PurgeResult(isDone: left <= 0)
        }
    }

    var routers: [ServiceName: RPCRouter] {
        var billing = RPCRouter(service: .billing)
        billing.on(BillingRPC.ReadEntitlements.self) { _, _ in
            BillingRPC.Entitlements(
                plan: "trial", access: .full, periodStart: Date(), periodEnd: Date(), mailsPerPeriod: 1, mailsUsed: 0, mailsReserved: 0, users: 5,
                workspaces: nil, domains: nil, mailboxes: nil, leads: nil)
        }
        places.add(to: &billing)
        billing.on(BillingRPC.CancelSubscription.self) { _, _ in
            _ = try self.hear("cancel")
            return Empty()
        }
        billing.on(BillingRPC.Purge.self) { _, _ in try self.hear("billing") }
        var campaigns = RPCRouter(service: .campaigns)
        campaigns.on(CampaignsRPC.Purge.self) { _, _ in try self.hear("campaigns") }
        var audit = RPCRouter(service: .audit)
        audit.on(AuditRPC.Purge.self) { _, _ in try self.hear("audit") }
        audit.on(AuditRPC.EraseSubject.self) { request, _ in
            let answer = try self.hear("erase")
            if answer.isDone { self.state.withLock { $0.erased.append("\(request.tenant) \(request.type) \(request.id)") } }
            return answer
        }
        var delivery = RPCRouter(service: .delivery)
        delivery.on(DeliveryRPC.Purge.self) { _, _ in try self.hear("delivery") }
        delivery.on(DeliveryRPC.SetSendGate.self) { request, _ in
            _ = try self.hear("gate")
            self.state.withLock { $0.gates.append(request) }
            return Empty()
        }
        return [.billing: billing, .campaigns: campaigns, .audit: audit, .delivery: delivery]
    }
}

/// Ada's company, and what it takes to delete it.
struct DeletionGround: Sendable {
    let peers: DeletionPeers
    let fixture: AuthFixture
    let ada: Browser
    let tenant: TenantID

    var database: Database { fixture.house.house.worker }

    static func make() async throws -> DeletionGround {
        let peers = DeletionPeers()
        let fixture = try await AuthFixture.make(peers: peers.routers)
        let ada = try await fixture.signedIn()
        let tenant: TenantID = try await fixture.house.house.worker.query("select id from public.tenants")[0].decode("id")
        return DeletionGround(peers: peers, fixture: fixture, ada: ada, tenant: tenant)
    }

    func deleteCompany(_ name: String = "Penguins Ltd") async throws -> Browser.Answer {
        try await ada.api(.delete, "/api/v1/tenants/current", #"{"name":"\#(name)"}"#)
    }

    /// Runs a saga of its own, as a process that has just started does, until `condition` holds; time goes on meanwhile.
    func run(_ what: String, tick: Duration = .seconds(5), until condition: @escaping @Sendable () async throws -> Bool) async throws {
        var saga = fixture.service.deletionSaga
        saga.interval = .milliseconds(10)
        let clock = fixture.house.clock
        try await fixture.house.withBackground([saga]) {
            try await eventually(what) {
                if try await condition() { return true }
                clock.advance(by: tick)
                return false
            }
        }
    }

    /// Asks for the deletion of the company that `owner` is in, and lets it come to its end.
    func end(_ company: TenantID, by owner: Browser) async throws {
        let asked = try await owner.api(.delete, "/api/v1/tenants/current", #"{"name":"Penguins Ltd"}"#)
        #expect(asked.status == .accepted, "\(asked.body)")
        fixture.house.clock.advance(by: .seconds(Deletion.grace))
        try await run("the company is gone") {
            try await count("select count(*) as n from deletions where tenant_id = \(company) and completed_at is not null") == 1
        }
    }

    func acknowledged(_ step: Deletion.Step) async throws -> Bool {
        try await !database.query("select 1 as one from deletion_steps where step = \(step) and acknowledged_at is not null").isEmpty
    }

    func count(_ sql: SQL) async throws -> Int { try await database.query(sql)[0].decode("n") }

    func person(_ email: String) async throws -> UserID {
        try await database.query("select id from users.users where email = \(email)")[0].decode("id")
    }

    /// The company that somebody made by signing up.
    func company(of email: String) async throws -> TenantID {
        try await database.query(
            """
            select m.tenant_id from users.tenant_users m join users.users u on u.id = m.user_id where u.email = \(email) and m.roles[1] = 'owner'
            """)[0].decode("tenant_id")
    }
}
