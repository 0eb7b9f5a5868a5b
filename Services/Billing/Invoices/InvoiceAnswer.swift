import Contracts
import Foundation
import HTTP
import Primitives

/// An invoice as Stripe has it; nothing of it is kept here.
struct InvoiceAnswer: Encodable, Sendable, Equatable {
    let id: String
    /// Nil for a draft.
    let number: String?
    let status: String?
    let total: MoneyAnswer
    let amountDue: MoneyAnswer
    let amountPaid: MoneyAnswer
    let amountRemaining: MoneyAnswer
    let createdAt: Date?
    let dueAt: Date?
    let periodStart: Date?
    let periodEnd: Date?
    /// A page of Stripe's where it can be read and paid.
    let hostedUrl: String?
    let pdfUrl: String?
}

/// A payment as Stripe has it.
struct PaymentAnswer: Encodable, Sendable, Equatable {
    let id: String
    let status: String
    let amount: MoneyAnswer
    let amountRefunded: MoneyAnswer
    let createdAt: Date
    let description: String?
    /// Such as `card`, with what is printed on the statement for people to know it by.
    let method: String?
    let brand: String?
    let lastFour: String?
    let failure: String?
    let isDisputed: Bool
    /// A page of Stripe's.
    let receiptUrl: String?
}

/// A page of what Stripe has, and when it was read.
struct ProxiedPage<Item: Encodable & Sendable>: Encodable, Sendable {
    struct Links: Encodable, Sendable {
        let next: String?

        private enum CodingKeys: String, CodingKey { case next }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(next, forKey: .next)
        }
    }

    let data: [Item]
    let page: Links
    let asOf: Date

    /// `last` is the item after which the next page starts, nil on the last page; the cursor is one that ``PageRequest`` reads.
    init(_ data: [Item], after last: String?, asOf: Date) throws {
        self.data = data
        page = Links(next: try last.map { try WireJSON.encoder().encode([$0]).base64URL })
        self.asOf = asOf
    }
}
