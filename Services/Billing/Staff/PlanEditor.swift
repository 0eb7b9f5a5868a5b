import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Changing what plans allow and cost. A price is made at Stripe first: here it is named, and compared with what Stripe says of it.
struct PlanEditor: Sendable {
    /// All of a plan but its prices.
    struct Change: Sendable {
        let name: String
        let mails: Int64
        /// Every name but `mails`; nil is unlimited.
        let limits: [String: Int64?]
        let isPublic: Bool
        let stripeProduct: String?
    }

    let finance: Finance

    /// The plan as it is afterwards; nil when there is none. Throws the problem 412 when somebody changed it meanwhile.
    func change(
        _ code: String, to change: Change, expecting expected: Revision?, reason: String, by staff: Identity, audit: Finance.Audit
    ) async throws -> PlanRecord? {
        try await edit(code, expecting: expected, wakesSubscribers: true) { old, transaction in
            try await PlanRecordStore.update(code, change, in: transaction)
            let act = Finance.Act(
                action: "plan.change", target: .init(type: "plan", id: code), tenant: nil, changes: Self.changes(from: old, to: change),
                reason: reason)
            try await finance.tell(act, by: staff, audit, in: transaction)
        }
    }

    /// Sets what the plan costs in these intervals and currencies; others stay. Subscriptions that there are keep their price at Stripe.
    func set(
        _ prices: [PlanRecord.Price], of code: String, expecting expected: Revision?, reason: String, by staff: Identity, audit: Finance.Audit
    ) async throws -> PlanRecord? {
        for price in prices {
            guard let identifier = price.stripePrice else { continue }
            try await StripePriceCheck(stripe: finance.stripe).check(
                identifier, costs: Money(amount: price.amount, currency: price.currency), every: price.interval)
        }
        return try await edit(code, expecting: expected, wakesSubscribers: false) { old, transaction in
            let known = Dictionary(uniqueKeysWithValues: old.prices.map { (Self.path($0), $0) })
            for price in prices {
                // What a price at Stripe is never changes.
                if let before = known[Self.path(price)], before.stripePrice != nil, before.stripePrice == price.stripePrice,
                    before.amount != price.amount
                {
                    throw Problem.priceIsFixed
                }
            }
            try await PlanRecordStore.set(prices, of: code, in: transaction)
            let changes = prices.map { price in
                AuditRecord.Change(
                    path: Self.path(price), before: known[Self.path(price)].map { Self.words($0) }, after: Self.words(price))
            }.filter { $0.before != $0.after }
            let act = Finance.Act(
                action: "plan.set_prices", target: .init(type: "plan", id: code), tenant: nil, changes: changes, reason: reason)
            try await finance.tell(act, by: staff, audit, in: transaction)
        }
    }

    private func edit(
        _ code: String, expecting expected: Revision?, wakesSubscribers: Bool, _ work: (PlanRecord, Transaction) async throws -> Void
    ) async throws -> PlanRecord? {
        do {
            try await finance.worker.transaction { transaction -> Void in
                guard let old = try await PlanRecordStore.lock(code, in: transaction) else { return }
                try Revision(old.revision).check(expected)
                try await work(old, transaction)
            }
        } catch let error as PostgresError {
            guard error.code == .uniqueViolation else { throw error }
            throw Problem.stripeIDTaken
        }
        finance.outbox.wake()
        try await PlanRecordStore.wakeUnknownPrices(at: finance.clock.now, in: finance.worker)
        if wakesSubscribers { try await wakeSubscribers(of: code) }
        return try await PlanRecordStore.find(code, in: finance.worker)
    }

    /// Those who have the plan are looked at again soon: after the commit and batch by batch, so that nobody's mails wait for a plan of many; and
    /// whatever was changed, so that saying the same again makes up for a time when this failed.
    private func wakeSubscribers(of code: String) async throws {
        let now = finance.clock.now
        var last: TenantID?
        repeat {
            last = try await PlanRecordStore.wakeSubscribers(of: code, after: last, at: now, in: finance.worker)
        } while last != nil
    }

    private static func path(_ price: PlanRecord.Price) -> String { "prices.\(price.interval.rawValue).\(price.currency)" }

    private static func words(_ price: PlanRecord.Price) -> String { "\(price.amount) \(price.stripePrice ?? "-")" }

    private static func changes(from old: PlanRecord, to new: Change) -> [AuditRecord.Change] {
        func words(_ limit: Int64?) -> String { limit.map { String($0) } ?? "unlimited" }
        var all: [(path: String, before: String?, after: String?)] = [
            ("name", old.name, new.name), ("is_public", "\(old.isPublic)", "\(new.isPublic)"),
            ("stripe_product", old.stripeProduct, new.stripeProduct),
        ]
        for name in LimitName.all.sorted() {
            let after: Int64? = name == "mails" ? new.mails : new.limits[name] ?? nil
            all.append(("limits.\(name)", words(old.limits[name] ?? nil), words(after)))
        }
        return all.filter { $0.before != $0.after }.map { AuditRecord.Change(path: $0.path, before: $0.before, after: $0.after) }
    }
}
