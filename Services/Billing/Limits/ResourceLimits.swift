import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Places under a plan's limits: users, workspaces, domains, mailboxes, leads.
///
/// One conditional update on the count decides, so callers at the same time cannot take more than there is.
struct ResourceLimits: Sendable {
    /// Why nothing was taken; `kind` is the RPC error's.
    enum Refusal: Error, Equatable {
        case noEntitlement
        case accessDenied
        case limitReached(BillingRPC.Resource, BillingRPC.ResourceCount)

        var kind: String {
            switch self {
            case .noEntitlement: "no_entitlement"
            case .accessDenied: "access_denied"
            case .limitReached: "limit_reached"
            }
        }

        var message: String {
            switch self {
            case .noEntitlement: "The tenant has no subscription yet."
            case .accessDenied: "The trial or the subscription is over; nothing new is made until there is a plan."
            case .limitReached(let resource, let count):
                "\(count.used + count.reserved) of \(count.limit ?? 0) \(resource.rawValue) are in use; the plan allows no more."
            }
        }
    }

    /// How long a reservation waits to be confirmed.
    static let lifetime: TimeInterval = 600
    /// How far the clocks of two services may be apart, when one counts what the other is told.
    static let leeway: TimeInterval = 5

    let database: Database
    let clock: WallClock
    let outbox: Outbox

    /// Takes `count` places; the same key answers with what is so, and takes nothing again, but waits for its confirmation anew.
    func reserve(
        _ count: Int64, of resource: BillingRPC.Resource, key: String, for tenant: TenantID
    ) async throws -> BillingRPC.ResourceCount {
        let now = clock.now
        return try await database.transaction { transaction in
            if let held = try await ResourceStore.lock(key, of: resource, tenant, in: transaction) {
                if !held.isConfirmed {
                    try await ResourceStore.renew(key, of: resource, tenant, until: now.addingTimeInterval(Self.lifetime), in: transaction)
                }
                let limit = try await SubscriptionStore.standing(of: tenant, now: now, in: transaction)?.limits[resource]
                return try await ResourceStore.read(resource, tenant, limit: limit, in: transaction)
            }
            guard let standing = try await SubscriptionStore.standing(of: tenant, now: now, in: transaction) else { throw Refusal.noEntitlement }
            guard standing.maySend(now: now) else { throw Refusal.accessDenied }
            let limit = standing.limits[resource]
            let isOurs = try await ResourceStore.insert(
                key, of: resource, tenant, count: count, at: now, until: now.addingTimeInterval(Self.lifetime), in: transaction)
            if isOurs, try await !ResourceStore.take(count, of: resource, tenant, limit: limit, at: now, in: transaction) {
                throw Refusal.limitReached(resource, try await ResourceStore.read(resource, tenant, limit: limit, in: transaction))
            }
            return try await ResourceStore.read(resource, tenant, limit: limit, in: transaction)
        }
    }

    /// The thing is there: what was reserved is used. One whose reservation has run out is there all the same, and is counted now, whether or not
    /// there is room. Throws ``Refusal/noEntitlement`` for a company of which nobody has told us, or that is gone.
    func confirm(_ resource: BillingRPC.Resource, key: String, for tenant: TenantID) async throws {
        let now = clock.now
        try await database.transaction { transaction -> Void in
            var held = try await ResourceStore.lock(key, of: resource, tenant, in: transaction)
            if held == nil {
                guard try await ResourceStore.isKnown(tenant, in: transaction) else { throw Refusal.noEntitlement }
                if try await ResourceStore.insert(key, of: resource, tenant, count: 1, isConfirmed: true, at: now, until: now, in: transaction) {
                    return try await ResourceStore.count(1, of: resource, tenant, at: now, in: transaction)
                }
                // Somebody was faster.
                held = try await ResourceStore.lock(key, of: resource, tenant, in: transaction)
            }
            guard let held, !held.isConfirmed else { return }
            try await ResourceStore.confirm(key, of: resource, tenant, count: held.count, at: now, in: transaction)
        }
    }

    /// The thing is gone, or was never made.
    func release(_ resource: BillingRPC.Resource, key: String, for tenant: TenantID) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            guard let held = try await ResourceStore.lock(key, of: resource, tenant, in: transaction) else { return }
            try await ResourceStore.release(key, of: resource, tenant, held, at: now, in: transaction)
        }
    }

    /// Counts the founder of a company, who was there before its subscription; once, however often it is told.
    func countFounder(_ founder: EventActor, of tenant: TenantID, in transaction: Transaction) async throws {
        guard founder.kind == .user else { return }
        let now = clock.now
        guard
            try await ResourceStore.insert(
                founder.id, of: .users, tenant, count: 1, isConfirmed: true, at: now, until: now, in: transaction)
        else { return }
        try await ResourceStore.count(1, of: .users, tenant, at: now, in: transaction)
    }

    /// Takes the owner's count; false when somebody made or removed something meanwhile, or for a company of which nobody has told us.
    func recount(_ resource: BillingRPC.Resource, used: Int64, countedAt: Date, for tenant: TenantID) async throws -> Bool {
        let now = clock.now
        let isTaken = try await database.transaction { transaction -> Bool in
            guard try await ResourceStore.isKnown(tenant, in: transaction) else { return false }
            guard let known = try await ResourceStore.lockCount(of: resource, tenant, in: transaction) else { return false }
            // What is being made while it is counted would be counted twice, or not at all.
            guard known.reserved == 0, known.changedAt.map({ $0 < countedAt.addingTimeInterval(-Self.leeway) }) ?? true else { return false }
            try await ResourceStore.set(used, of: resource, tenant, at: now, in: transaction)
            // Leads are only ever reported, and a first count corrects nobody.
            guard resource != .leads, known.countedAt != nil, known.used != used else { return true }
            let event = try PendingEvent(
                BillingEvents.ResourceRecounted(resource: resource, before: known.used, after: used), at: now, tenant: tenant,
                actor: .system("billing"),
                audit: AuditRecord(
                    action: "limit.recount", targets: [.init(type: "tenant", id: tenant.description)],
                    changes: [.init(path: resource.rawValue, before: String(known.used), after: String(used))]))
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return isTaken
    }

    /// Ends what nobody confirmed in time; how many.
    func expire(limit: Int = 500) async throws -> Int {
        let now = clock.now
        return try await database.transaction { try await ResourceStore.expire(at: now, limit: limit, in: $0) }
    }
}
