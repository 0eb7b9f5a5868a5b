import Contracts
import HTTP
import Postgres
import Streams

/// Changing what mail packs hold and cost. As with plans, a price is made at Stripe first: here it is named, and compared with what Stripe says
/// of it.
struct PackEditor: Sendable {
    struct Change: Sendable {
        let mails: Int64
        let money: Money
        /// Nil: the pack cannot be bought.
        let stripePrice: String?
    }

    let finance: Finance

    /// The pack as it is afterwards; nil when there is none. Throws the problem 412 when somebody changed it meanwhile. What was bought before keeps
    /// its mails.
    func change(
        _ code: String, to change: Change, expecting expected: Revision?, reason: String, by staff: Identity, audit: Finance.Audit
    ) async throws -> PackRecord? {
        if let price = change.stripePrice {
            try await StripePriceCheck(stripe: finance.stripe).check(price, costs: change.money, every: nil)
        }
        do {
            try await finance.worker.transaction { transaction in
                guard let old = try await PackRecordStore.lock(code, in: transaction) else { return }
                try Revision(old.revision).check(expected)
                // What a price at Stripe is never changes.
                let isKept = old.stripePrice != nil && old.stripePrice == change.stripePrice
                guard !isKept || Money(amount: old.amount, currency: old.currency) == change.money else { throw Problem.priceIsFixed }
                try await PackRecordStore.update(code, change, in: transaction)
                let act = Finance.Act(
                    action: "pack.change", target: .init(type: "pack", id: code), tenant: nil, changes: Self.changes(from: old, to: change),
                    reason: reason)
                try await finance.tell(act, by: staff, audit, in: transaction)
            }
        } catch let error as PostgresError {
            guard error.code == .uniqueViolation else { throw error }
            throw Problem.stripeIDTaken
        }
        finance.outbox.wake()
        return try await PackRecordStore.find(code, in: finance.worker)
    }

    private static func changes(from old: PackRecord, to new: Change) -> [AuditRecord.Change] {
        let all: [(path: String, before: String?, after: String?)] = [
            ("mails", String(old.mails), String(new.mails)), ("amount", String(old.amount), String(new.money.amount)),
            ("currency", old.currency, new.money.currency), ("stripe_price", old.stripePrice, new.stripePrice),
        ]
        return all.filter { $0.before != $0.after }.map { AuditRecord.Change(path: $0.path, before: $0.before, after: $0.after) }
    }
}
