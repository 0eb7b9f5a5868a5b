import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Does what deletions ask for, one acknowledged step after another; whoever takes over after a crash goes on where it stopped.
struct DeletionSaga: Service {
    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let sessions: Sessions
    private let logger: Logger
    private let billing: RPCClient
    private let campaigns: RPCClient
    private let delivery: RPCClient
    private let audit: RPCClient
    /// How often it looks for something to do.
    var interval = Duration.seconds(1)

    /// A step whose doer was not heard of for so long is done by somebody else; longer than any question takes.
    private static let lease: TimeInterval = 120
    /// How long it goes on asking within one step; with the last question's deadline it ends before the lease.
    private static let span = Duration.seconds(60)

    init(house: House, sessions: Sessions) {
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        logger = house.logger
        billing = house.peer(.billing)
        campaigns = house.peer(.campaigns)
        delivery = house.peer(.delivery)
        audit = house.peer(.audit)
        self.sessions = sessions
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    while !Task.isCancelled, try await advance() {}
                } catch {
                    logger.warning("deletions interrupted", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Does one step of one deletion that is due; true when there may be more to do at once.
    @discardableResult
    func advance() async throws -> Bool {
        let now = clock.now
        guard let claim = try await database.transaction({ try await DeletionSagaStore.claim(at: now, lease: Self.lease, in: $0) }) else {
            return false
        }
        guard case .run(let step) = claim.next else { return true }
        do {
            if try await perform(step, of: claim) {
                try await acknowledge(step, of: claim)
                return true
            }
            let now = clock.now
            try await database.transaction { try await DeletionSagaStore.progressed(step, of: claim, at: now, in: $0) }
            // More is left there: after a pause, so that a large company is a burden to nobody.
            return false
        } catch {
            logger.warning("a deletion waits", metadata: ["deletion": "\(claim.id)", "step": "\(step.rawValue)", "error": "\(error)"])
            let (now, words) = (clock.now, String("\(error)".prefix(500)))
            try await database.transaction { try await DeletionSagaStore.failed(step, of: claim, error: words, at: now, in: $0) }
            return true
        }
    }

    /// What a step does outside of its acknowledging transaction; false when more of it is left.
    private func perform(_ step: Deletion.Step, of claim: DeletionSagaStore.Claim) async throws -> Bool {
        let (tenant, workspace) = (claim.tenant, claim.workspace)
        switch step {
        case .stopSends, .reopenSends:
            let gate = try await DeletionSagaStore.gate(of: claim, in: database)
            _ = try await delivery.call(
                DeliveryRPC.SetSendGate(
                    tenant: tenant, scope: workspace == nil ? "tenant" : "workspace", id: workspace?.description ?? tenant.description,
                    isOpen: gate.isOpen, reason: gate.reason, version: gate.version))
            return true
        case .cancelSubscription:
            _ = try await billing.call(BillingRPC.CancelSubscription(tenant: tenant))
            return true
        case .purgeCampaigns: return try await campaigns.call(CampaignsRPC.Purge(tenant: tenant, workspace: workspace)).isDone
        case .purgeDelivery: return try await delivery.call(DeliveryRPC.Purge(tenant: tenant, workspace: workspace)).isDone
        case .purgeBilling: return try await billing.call(BillingRPC.Purge(tenant: tenant, workspace: workspace)).isDone
        case .purgeAudit: return try await audit.call(AuditRPC.Purge(tenant: tenant, workspace: workspace)).isDone
        case .purgeAuth: return try await database.transaction { try await Tombstone.purge(tenant, workspace, in: $0) }
        case .tombstone:
            // Its place under the plan's limit is free for another; a company's went with its subscription.
            if let workspace {
                _ = try await billing.call(
                    BillingRPC.ReleaseResource(tenant: tenant, resource: .workspaces, key: workspace.description))
            }
            return true
        case .eraseTrail: return try await eraseTrail(of: claim)
        case .closeAccess: return true
        }
    }

    /// Asks Audit about one person in one tree after another, each until nothing is left; false when there may be more.
    private func eraseTrail(of claim: DeletionSagaStore.Claim) async throws -> Bool {
        let end = ContinuousClock.now + Self.span
        while let trace = try await TrailErasureStore.next(of: claim, in: database) {
            guard ContinuousClock.now < end else { return false }
            let request = AuditRPC.EraseSubject(tenant: trace.tenant, type: trace.type, id: trace.subject.text)
            guard try await audit.call(request).isDone else { return false }
            try await TrailErasureStore.remove(trace, of: claim, in: database)
        }
        return true
    }

    /// The step's row, and what the step changes here, in one transaction.
    private func acknowledge(_ step: Deletion.Step, of claim: DeletionSagaStore.Claim) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            if step == .closeAccess || step == .tombstone {
                // Undone at the last moment: the next look finds that out.
                guard try await DeletionSagaStore.begin(claim, at: now, in: transaction) else { return }
            }
            if step == .closeAccess {
                try await Tombstone.close(claim.tenant, claim.workspace, deletion: claim.id, at: now, in: transaction)
            } else if step == .tombstone {
                try await Tombstone.set(claim.tenant, claim.workspace, deletion: claim.id, at: now, in: transaction)
                try await outbox.append([try Self.completed(claim, at: now)], in: transaction)
            }
            try await DeletionSagaStore.acknowledge(step, of: claim, at: now, in: transaction)
        }
        guard step == .closeAccess || step == .tombstone else { return }
        outbox.wake()
        await sessions.announceRevocation()
    }

    private static func completed(_ claim: DeletionSagaStore.Claim, at now: Date) throws -> PendingEvent {
        try PendingEvent(
            AuthEvents.DeletionCompleted(deletion: claim.id, tenant: claim.tenant, workspace: claim.workspace), at: now, tenant: claim.tenant,
            workspace: claim.workspace, actor: .system("auth"),
            audit: AuditRecord(
                action: claim.workspace == nil ? "tenant.delete" : "workspace.delete",
                targets: [Deletions.target(claim.workspace, of: claim.tenant, name: nil)]))
    }
}
