import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import RPC
import Streams

/// Changes many leads of a workspace in one transaction.
struct LeadBulkRunner: Sendable {
    /// Which leads: named, or all that fit.
    enum Selection: Sendable {
        case leads([LeadID])
        case filter(LeadFilter)
    }

    /// The two make up all that were meant; what was so already, and what is not in the workspace, is skipped.
    struct Outcome: Encodable, Sendable, Equatable {
        var changed: Int
        var skipped: Int
    }

    /// Of one request, by identifier and by filter.
    static let mostNamed = 1_000
    static let mostFound = 10_000
    private static let batch = 1_000

    let database: Database
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock

    /// Problems `too_many` and `list_not_found`.
    func run(
        _ action: LeadBulk.Action, _ change: LeadBulk, on selection: Selection, in workspace: WorkspaceID, by actor: LeadActor
    ) async throws -> Outcome {
        let tenant = actor.identity.tenant
        let now = clock.now
        let (leads, unknown) = try await resolve(selection, in: workspace, tenant: tenant)
        if change == .unsubscribe {
            for batch in Self.batches(leads) {
                let addresses = try await LeadBulkStore.addresses(of: batch, tenant: tenant, in: database)
                try await OptOuts(delivery: delivery).suppress(addresses, of: tenant, by: actor.name)
            }
        }
        let outcome = try await database.transaction(as: tenant) { transaction -> Outcome in
            // The order in which everybody takes rows: enrolments, campaigns, counters, then lists and leads.
            if change == .unsubscribe {
                try await EnrolmentStops.stop(leads: leads, of: tenant, as: .unsubscribed, reason: "unsubscribed", at: now, in: transaction)
            }
            if let list = change.list, try await !LeadMembershipStore.lock(list, of: workspace, tenant: tenant, in: transaction) {
                throw Leads.listNotFound
            }
            if change == .removeFromWorkspace {
                try await LeadMembershipStore.lockLists(holding: leads, of: [workspace], tenant: tenant, in: transaction)
            }
            var changed = 0
            for batch in Self.batches(leads) {
                // Who left the workspace a moment ago is left alone.
                let members = try await LeadMembershipStore.members(batch, of: workspace, tenant: tenant, in: transaction)
                let done = try await LeadBulkStore.apply(change, to: members, of: workspace, tenant: tenant, at: now, in: transaction)
                try await LeadActivityStore.insert(change.activity(in: workspace), of: done, tenant: tenant, by: actor.name, at: now, in: transaction)
                changed += done.count
            }
            let outcome = Outcome(changed: changed, skipped: leads.count - changed + unknown)
            guard changed > 0 else { return outcome }
            let event = try PendingEvent(
                CampaignsEvents.LeadsChanged(action: action.rawValue, changed: outcome.changed, skipped: outcome.skipped), at: now,
                tenant: tenant, workspace: workspace, actor: actor.identity.actor,
                audit: actor.audit(
                    "leads.bulk", targets: [.init(type: "workspace", id: workspace.description)],
                    metadata: ["action": action.rawValue, "changed": "\(outcome.changed)", "skipped": "\(outcome.skipped)"]))
            try await outbox.append([event], in: transaction)
            return outcome
        }
        outbox.wake()
        return outcome
    }

    /// The leads that are meant, and how many were named that cannot be: twice, or not in the workspace.
    private func resolve(_ selection: Selection, in workspace: WorkspaceID, tenant: TenantID) async throws -> (leads: [LeadID], unknown: Int) {
        switch selection {
        case .leads(let named):
            let known = try await database.transaction(as: tenant) { transaction in
                try await LeadMembershipStore.members(named, of: workspace, tenant: tenant, in: transaction)
            }
            return (known, named.count - known.count)
        case .filter(let filter):
            let found = try await database.query(
                as: tenant, filter.identifiers(in: workspace, limit: Self.mostFound + 1)
            ).map { try $0.decode("id", as: LeadID.self) }
            guard found.count <= Self.mostFound else {
                throw Problem.unprocessable(
                    kind: "too_many", title: "More than \(Self.mostFound) leads fit.",
                    detail: "Narrow the filter by q, tag, status or list, or name leads in portions of \(Self.mostNamed).")
            }
            return (found, 0)
        }
    }

    private static func batches(_ leads: [LeadID]) -> [[LeadID]] {
        stride(from: 0, to: leads.count, by: batch).map { Array(leads[$0..<min($0 + batch, leads.count)]) }
    }
}

extension LeadBulk {
    /// The list that it changes.
    fileprivate var list: ListID? {
        switch self {
        case .addToList(let list), .removeFromList(let list): list
        default: nil
        }
    }
}
