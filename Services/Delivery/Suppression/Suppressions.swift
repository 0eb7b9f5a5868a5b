import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams

/// Who must not be written to, and how people get there: by others' word, by rules, and by themselves.
struct Suppressions: Sendable {
    let database: Database
    let erased: ErasedOptOuts
    let outbox: Outbox
    let clock: WallClock

    /// Which of `addresses` are suppressed for the workspace, its tenant, or by the platform.
    func find(_ addresses: [String], tenant: TenantID, workspace: WorkspaceID) async throws -> [String] {
        let wanted = Set(addresses.map { $0.lowercased() })
        let named = try await database.query(
            """
            select a.address from unnest(\(Array(wanted))) as a (address)
            where \(SuppressionConditions.blocksAddress(of: tenant, workspace, at: clock.now))
            """
        ).map { try $0.decode("address", as: String.self) }
        // In this order: an address that becomes a digest between the two questions is found by the second.
        let unnamed = try await erased.find(Array(wanted.subtracting(named)), tenant: tenant, workspace: workspace, now: clock.now, in: database)
        return named + unnamed
    }

    /// Puts addresses on the list for the tenant or one of its workspaces; how many were not there. Again changes nothing.
    func add(_ request: DeliveryRPC.SuppressRecipients) async throws -> Int {
        guard request.addresses.count <= 500, request.addresses.allSatisfy({ (1...320).contains($0.utf8.count) }),
            (1...64).contains(request.reason.utf8.count), (1...128).contains(request.source.utf8.count)
        else { throw RPCError(kind: "invalid_batch", message: "At most 500 addresses, with a reason of at most 64 bytes and a source of 128.") }
        let entries = request.addresses.map {
            SuppressionStore.Entry(subject: $0.lowercased(), reason: SuppressionReason(rawValue: request.reason))
        }
        let (tenant, scope) = (request.tenant, SuppressionStore.Scope(workspace: request.workspace))
        let added = try await database.transaction { transaction in
            try await enter(
                entries, scope, .init(source: request.source, createdBy: request.source), of: tenant, now: clock.now, in: transaction)
        }
        outbox.wake()
        return added.count
    }

    /// Puts entries on a company's list, in the caller's transaction, and tells of the enrolments that end by it but `told`, of which the caller tells
    /// more; the subjects that are new there.
    @discardableResult
    func enter(
        _ entries: [SuppressionStore.Entry], _ scope: SuppressionStore.Scope, _ origin: SuppressionStore.Origin, of tenant: TenantID,
        except told: EnrolmentID? = nil, by optOut: DeliveryEvents.OptOut? = nil, now: Date, in transaction: Transaction
    ) async throws -> [String] {
        let store = SuppressionStore(tenant: tenant)
        let fresh = try await store.add(entries, scope, origin, now: now, in: transaction)
        guard !fresh.isEmpty else { return [] }
        let reasons = Dictionary(entries.map { ($0.subject, $0.reason) }) { first, _ in first }
        for (reason, subjects) in Dictionary(grouping: fresh, by: { reasons[$0] ?? .manual }) {
            let enrolments = try await store.enrolments(of: subjects, scope, in: transaction).filter { $0 != told }
            try await tell(enrolments, because: reason, by: optOut, tenant: tenant, workspace: scope.workspace, at: now, in: transaction)
            // Who is there only Campaigns knows, which has an index for it; the ledger would have to be read through.
            let domains = subjects.filter { $0.hasPrefix("@") }.map { String($0.dropFirst()) }
            guard !domains.isEmpty else { continue }
            let event = DeliveryEvents.DomainsSuppressed(domains: domains.sorted(), reason: reason.rawValue, workspace: scope.workspace)
            try await outbox.append(
                [try PendingEvent(event, at: now, tenant: tenant, workspace: scope.workspace, actor: .system("delivery"))], in: transaction)
        }
        return fresh
    }

    /// Says that nothing more goes to these enrolments.
    func tell(
        _ enrolments: [EnrolmentID], because reason: SuppressionReason, by optOut: DeliveryEvents.OptOut? = nil, tenant: TenantID,
        workspace: WorkspaceID?, at now: Date, in transaction: Transaction
    ) async throws {
        let events = try stride(from: 0, to: enrolments.count, by: 500).map { start in
            try PendingEvent(
                DeliveryEvents.RecipientsSuppressed(
                    enrolments: Array(enrolments[start..<min(start + 500, enrolments.count)]), reason: reason.rawValue, optOut: optOut),
                at: now, tenant: tenant, workspace: workspace, actor: .system("delivery"))
        }
        try await outbox.append(events, in: transaction)
    }
}
