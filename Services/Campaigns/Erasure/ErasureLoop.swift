import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Does what erasures ask for, one acknowledged step after another; whoever takes over after a crash goes on where it stopped.
struct ErasureLoop: Service {
    private let database: Database
    private let delivery: RPCClient
    private let audit: RPCClient
    private let keyring: Keyring
    private let outbox: Outbox
    private let wakeup: Wakeup
    private let clock: WallClock
    private let logger: Logger
    /// How often it looks for something to do.
    var interval = Duration.seconds(1)

    /// A step whose doer was not heard of for so long is done by somebody else; longer than any question takes.
    private static let lease: TimeInterval = 120
    /// Of the reading of everything here; together they end well within the lease.
    private static let stepsAtOnce = 20

    init(house: House, wakeup: Wakeup) {
        database = house.worker
        delivery = house.peer(.delivery)
        audit = house.peer(.audit)
        keyring = house.keyring
        outbox = house.outbox
        clock = house.clock
        logger = house.logger
        self.wakeup = wakeup
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    while !Task.isCancelled, try await advance() {}
                } catch {
                    logger.warning("erasures interrupted", metadata: ["error": "\(error)"])
                }
                await wakeup.wait(atMost: interval)
            }
        }
    }

    /// Does one step of one erasure that is due; true when there may be more to do at once.
    @discardableResult
    func advance() async throws -> Bool {
        guard let claim = try await ErasureSagaStore.claim(at: clock.now, lease: Self.lease, in: database) else { return false }
        do {
            if try await perform(claim) { return true }
            // More is left there, or mail is under way: after a pause, so that nobody is asked in a circle.
            try await ErasureSagaStore.progressed(claim, until: clock.now.addingTimeInterval(1), in: database)
            return false
        } catch {
            logger.warning("an erasure waits", metadata: ["erasure": "\(claim.id)", "step": "\(claim.step.rawValue)", "error": "\(error)"])
            let again = clock.now.addingTimeInterval(Erasure.pause(afterFailures: claim.attempts + 1))
            try await ErasureSagaStore.failed(claim, error: Self.words(error), until: again, in: database)
            return true
        }
    }

    /// False when more of the step is left.
    private func perform(_ claim: ErasureSagaStore.Claim) async throws -> Bool {
        let address = String(decoding: try keyring.open(claim.addressSealed, for: Erasures.place(claim.id, of: claim.tenant)), as: UTF8.self)
        switch claim.step {
        case .delivery:
            let request = DeliveryRPC.EraseRecipient(tenant: claim.tenant, address: address, isOptedOut: claim.isOptedOut)
            return try await acknowledge(claim, isDone: try await delivery.call(request).isDone)
        case .audit:
            let request = AuditRPC.EraseSubject(tenant: claim.tenant, type: "lead", id: claim.lead.description)
            return try await acknowledge(claim, isDone: try await audit.call(request).isDone)
        case .campaigns:
            return try await eraseHere(claim, address: address)
        }
    }

    private func acknowledge(_ claim: ErasureSagaStore.Claim, isDone: Bool) async throws -> Bool {
        guard isDone else { return false }
        let now = clock.now
        if let again = Erasure.askAgain(claim.step, at: now, stoppedAt: claim.stoppedAt) {
            try await ErasureSagaStore.progressed(claim, until: again, in: database)
        } else {
            try await ErasureSagaStore.acknowledge(claim.step, of: claim, at: now, in: database)
        }
        return true
    }

    /// What Campaigns has: the lead, then step by step what others noted of it. False when more is left.
    private func eraseHere(_ claim: ErasureSagaStore.Claim, address: String) async throws -> Bool {
        let now = clock.now
        let lead = LeadEraser(lead: claim.lead, address: address, tenant: claim.tenant)
        try await database.transaction { try await lead.eraseLead(at: now, in: $0) }
        var isClean = false
        for _ in 0..<Self.stepsAtOnce where !isClean {
            isClean = try await database.transaction { try await lead.eraseTraces(at: now, in: $0) }
        }
        guard isClean else { return false }
        try await database.transaction { transaction in
            // Somebody else may have come first.
            guard try await ErasureSagaStore.isOpen(claim, in: transaction) else { return }
            try await ErasureSagaStore.finish(claim, at: now, in: transaction)
            let event = try PendingEvent(
                CampaignsEvents.LeadErased(lead: claim.lead, erasure: claim.id), at: now, tenant: claim.tenant, actor: .system("campaigns"),
                audit: AuditRecord(action: "lead.erased", targets: Erasures.targets(claim.lead, claim.id)))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return true
    }

    /// What is kept of an error: neither a peer's refusals nor the database's errors hold what was asked with.
    private static func words(_ error: any Error) -> String { String("\(error)".prefix(300)) }
}
