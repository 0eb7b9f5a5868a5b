import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Checks a domain and writes down what follows; who asks, and when, is others' business.
struct DomainChecks: Sendable {
    /// Sees every company: a domain may be claimed by two.
    let database: Database
    let store: DomainStore
    let checker: DomainChecker
    let keys: DomainKeys
    let outbox: Outbox
    let clock: WallClock
    /// From 0 to 1.
    let spread: @Sendable () -> Double

    /// The domain after the check; nil when it was removed meanwhile.
    @discardableResult
    func check(_ domain: SendingDomain, of tenant: TenantID, actor: EventActor) async throws -> SendingDomain? {
        var publications = try await keys.publications(tenant, domain.name)
        if publications.isEmpty {
            try await keys.make(tenant, domain.name)
            publications = try await keys.publications(tenant, domain.name)
        }
        let subject = DomainChecker.Subject(
            domain: domain.name, token: domain.token, servers: try await store.servers(of: domain.name, tenant), selectors: domain.selectors,
            publications: publications)
        let report = await checker.check(subject)
        let now = clock.now
        let written = try await database.transaction { transaction in
            try await write(report, of: domain.id, tenant, actor: actor, at: now, in: transaction)
        }
        outbox.wake()
        // What the domain shows now may be what a key waits for.
        if written != nil { try await keys.tend(tenant, domain.name) }
        return written
    }

    private func write(
        _ checked: DomainReport, of id: DomainID, _ tenant: TenantID, actor: EventActor, at now: Date, in transaction: Transaction
    ) async throws -> SendingDomain? {
        guard let before = try await DomainStore.lock(id, of: tenant, in: transaction) else { return nil }
        var domain = before
        domain.report = try await owned(checked, before, tenant, at: now, in: transaction)
        let isGood = domain.report.isOwned && domain.report.isAuthenticated
        let standing = before.standing.next(
            isGood: !isGood && checked.isUndecided ? nil : isGood, sinceLast: before.checkedAt.map { now.timeIntervalSince($0) })
        domain.standing = standing
        domain.version += 1
        domain.checkedAt = now
        if standing.state == .verified, before.standing.state != .verified { domain.verifiedAt = now }
        domain.nextCheckAt = now.addingTimeInterval(standing.pause(isUndecided: checked.isUndecided, spread: spread()).rounded())
        let isTracked = domain.report.isOwned && domain.report.records.contains { $0.purpose == .tracking && $0.state == .ok }
        let trackingHost = isTracked ? TrackingCheck.name(of: domain.name) : nil
        try await DomainStore.write(domain, trackingHost: trackingHost, of: tenant, in: transaction)
        try await CertificateStore.follow(domain, host: trackingHost, of: tenant, at: now, in: transaction)
        if standing.state != before.standing.state {
            try await outbox.append([try event(of: domain, tenant, actor: actor, at: now)], in: transaction)
        }
        return domain
    }

    /// The report with the last word on whose the domain is.
    private func owned(
        _ checked: DomainReport, _ before: SendingDomain, _ tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> DomainReport {
        var report = checked
        if checked.isOwned {
            if try await !DomainStore.claim(before, by: tenant, at: now, in: transaction) {
                report.isOwned = false
                report.findings.append(
                    DomainFinding(.domainClaimedElsewhere, "Another account has proven that \(before.name) is theirs; its proof is looked at again."))
            }
        } else if checked.isUndecided || before.standing.state == .verified {
            // DNS does not say, or said so once only: whoever had it has it.
            report.isOwned = try await DomainStore.isOwner(before.id, of: tenant, in: transaction) && checked.isUndecided
        } else if before.standing.next(isGood: false, sinceLast: before.checkedAt.map { now.timeIntervalSince($0) }).state != .failing {
            try await DomainStore.release(before.id, of: tenant, in: transaction)
        }
        return report
    }

    private func event(of domain: SendingDomain, _ tenant: TenantID, actor: EventActor, at now: Date) throws -> PendingEvent {
        let state = domain.standing.state
        let reasons = domain.standing.isAuthenticated && state != .failing ? [] : domain.report.reasons.map(\.code.rawValue)
        // One failure is no news for the trail: the next check tells.
        let audit: AuditRecord? =
            state == .failing || state == .pending
            ? nil
            : AuditRecord(
                action: state == .verified ? "domain.verify" : "domain.break", outcome: state == .verified ? .success : .failure,
                targets: [.init(type: "domain", id: domain.id.description, name: domain.name)],
                metadata: reasons.isEmpty ? [:] : ["reasons": reasons.joined(separator: ",")])
        return try PendingEvent(
            DeliveryEvents.DomainChanged(
                domain: domain.id, name: domain.name, state: state.rawValue, isAuthenticated: domain.standing.isAuthenticated, reasons: reasons),
            at: now, tenant: tenant, workspace: domain.workspace,
            aggregate: Aggregate(kind: "domain", id: domain.id.description, version: domain.version), actor: actor, audit: audit)
    }
}
