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
        let now = finance.clock.now
        return try await edit(code, expecting: expected) { old, transaction in
            try await PlanRecordStore.update(code, change, in: transaction)
            if (old.limits["mails"] ?? nil) != change.mails { try await PlanRecordStore.wakeSubscribers(of: code, at: now, in: transaction) }
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
        for price in prices { try await compare(price) }
        return try await edit(code, expecting: expected) { old, transaction in
            let known = Dictionary(uniqueKeysWithValues: old.prices.map { (Self.path($0), $0) })
            for price in prices {
                // What a price at Stripe is never changes.
                if let before = known[Self.path(price)], before.stripePrice != nil, before.stripePrice == price.stripePrice,
                    before.amount != price.amount
                {
                    throw Problem.unprocessable(
                        kind: "price_is_fixed", title: "A price at Stripe never changes its amount.",
                        detail: "Make a new price at Stripe and name it in stripe_price.")
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
        _ code: String, expecting expected: Revision?, _ work: (PlanRecord, Transaction) async throws -> Void
    ) async throws -> PlanRecord? {
        do {
            try await finance.worker.transaction { transaction in
                guard let old = try await PlanRecordStore.lock(code, in: transaction) else { return }
                try Revision(old.revision).check(expected)
                try await work(old, transaction)
            }
        } catch let error as PostgresError {
            guard error.code == .uniqueViolation else { throw error }
            throw Problem.conflict(kind: "stripe_id_taken", title: "Another plan or price of ours has this product or price at Stripe.")
        }
        finance.outbox.wake()
        return try await PlanRecordStore.find(code, in: finance.worker)
    }

    /// Throws a 422 unless Stripe's price is what we are about to say it is: otherwise people would be charged another amount than they saw.
    private func compare(_ price: PlanRecord.Price) async throws {
        guard let identifier = price.stripePrice, finance.stripe.isConfigured else { return }
        let found: StripePrice
        do throws(StripeError) {
            found = try await finance.stripe.forBrowser.read(StripePrice.self, "/v1/prices/\(identifier)")
        } catch {
            guard error.kind == .notFound else { throw Problem(error) }
            throw Problem.unprocessable(kind: "stripe_price_unknown", title: "Stripe has no such price.", extensions: ["price": .text(identifier)])
        }
        let isSame =
            found.unitAmount == price.amount && found.currency.uppercased() == price.currency
            && found.recurring?.interval == price.interval.rawValue && (found.recurring?.intervalCount ?? 1) == 1 && found.active != false
        guard isSame else {
            throw Problem.unprocessable(
                kind: "stripe_price_differs", title: "The price at Stripe is another one.",
                detail: "Amount, currency and interval must be those of Stripe's price, and it must be active.",
                extensions: ["price": .text(identifier)])
        }
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
