import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams
import Synchronization

/// Orders certificates of the hosts that are due, one after the other; every replica takes what no other has.
struct CertificateWatch: Service {
    /// Whether the CNAME is as it should be right now; nil when DNS does not say.
    typealias Proof = @Sendable (_ domain: String) async -> Bool?
    /// Asks the authority for a certificate of a host.
    typealias Order = @Sendable (_ host: String, CertificateAccount) async throws -> IssuedCertificate

    let orders: CertificateOrders
    let accounts: CertificateAccounts
    let isProven: Proof
    let order: Order
    let outbox: Outbox
    let clock: WallClock
    /// From 0 to 1.
    let spread: @Sendable () -> Double
    let logger: Logger
    /// Before the first order.
    var prepare: @Sendable () async -> Void = {}

    func run() async throws {
        let isPrepared = Mutex(false)
        await repeatWork(
            "ordering certificates", logger: logger, rest: { try? await Task.sleep(for: .seconds(5)) },
            step: {
                if !isPrepared.withLock({ $0 }) {
                    await prepare()
                    try await orders.adopt(at: clock.now)
                    isPrepared.withLock { $0 = true }
                }
                return try await orderDue()
            })
    }

    /// False when none is due.
    func orderDue() async throws -> Bool {
        guard let claim = try await orders.take(at: clock.now) else { return false }
        guard let domain = claim.domain else {
            try await orders.wait(claim)
            return true
        }
        // The check of the domain may be a day old; a failed validation counts at the authority.
        guard let isProven = await isProven(domain) else {
            try await orders.putOff(claim, until: clock.now.addingTimeInterval(600))
            return true
        }
        guard isProven else {
            try await orders.wait(claim)
            return true
        }
        let now = clock.now
        let account = try await accounts.account(at: orders.directory, now: now)
        guard try await orders.admit(claim, at: now) == .go else { return true }
        let issued: IssuedCertificate
        do {
            issued = try await order(claim.host, account)
        } catch {
            try await finish(claim, error as? CertificateFailure ?? CertificateFailure(.client, "\(error)"))
            return true
        }
        try await finish(claim, issued)
        return true
    }

    /// What cannot be written is ordered again when the claim ends.
    private func finish(_ claim: CertificateOrders.Claim, _ issued: IssuedCertificate) async throws {
        let now = clock.now
        try await orders.database.transaction { transaction in
            guard try await orders.finish(claim, issued, at: now, in: transaction) else { return }
            try await outbox.append([try event(claim, .success, expiresAt: issued.endsAt, reason: nil, at: now)], in: transaction)
        }
        outbox.wake()
    }

    private func finish(_ claim: CertificateOrders.Claim, _ failure: CertificateFailure) async throws {
        let now = clock.now
        if failure.kind != .refused {
            logger.warning("no certificate", metadata: ["host": "\(claim.host)", "kind": "\(failure.kind)", "detail": "\(failure.detail)"])
        }
        let pause = CertificatePolicy.pause(after: failure, attempts: claim.attempts + 1, now: now, spread: spread())
        try await orders.database.transaction { transaction in
            let isOurs = try await orders.finish(claim, failure, until: now.addingTimeInterval(pause), at: now, in: transaction)
            guard isOurs, claim.attempts == 0 else { return }
            try await outbox.append([try event(claim, .failure, expiresAt: nil, reason: failure.kind, at: now)], in: transaction)
        }
        outbox.wake()
    }

    private func event(
        _ claim: CertificateOrders.Claim, _ outcome: AuditRecord.Outcome, expiresAt: Date?, reason: CertificateFailure.Kind?, at now: Date
    ) throws -> PendingEvent {
        var metadata = ["host": claim.host]
        metadata["expires_at"] = expiresAt.map { WireJSON.format($0) }
        metadata["reason"] = reason?.rawValue
        return try PendingEvent(
            DeliveryEvents.TrackingCertificateChanged(
                host: claim.host, state: outcome == .success ? "issued" : "failing", expiresAt: expiresAt),
            at: now, tenant: claim.tenant, workspace: claim.workspace, actor: .system("delivery"),
            audit: AuditRecord(
                action: outcome == .success ? "tracking_certificate.issue" : "tracking_certificate.fail", outcome: outcome,
                targets: [.init(type: "domain", id: claim.domainID.description, name: claim.domain)], metadata: metadata))
    }
}
