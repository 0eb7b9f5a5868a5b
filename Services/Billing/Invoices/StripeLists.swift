import Contracts
import Foundation
import HTTP
import Primitives

/// A company's invoices and payments, read from Stripe page by page and held for a minute.
struct StripeLists: Sendable {
    /// What Stripe gives at once.
    static let longestPage = 100

    private struct Listed<Item: Sendable>: Sendable {
        let items: [Item]
        let hasMore: Bool
    }

    /// As Stripe lists it; only what is shown is read.
    struct ListedCharge: Decodable, Sendable {
        struct Method: Decodable, Sendable {
            struct Card: Decodable, Sendable {
                let brand: String?
                let last4: String?
            }
            let type: String?
            let card: Card?
        }
        let id: String
        let status: String?
        let amount: Int64
        let amountRefunded: Int64?
        let currency: String
        let created: Date
        let description: String?
        let disputed: Bool?
        let failureMessage: String?
        let receiptUrl: String?
        let paymentMethodDetails: Method?
    }

    private let tenants: TenantStripe
    private let invoices: ListCache<Listed<StripeInvoice>>
    private let payments: ListCache<Listed<ListedCharge>>

    init(_ tenants: TenantStripe) {
        self.tenants = tenants
        invoices = ListCache(clock: tenants.clock)
        payments = ListCache(clock: tenants.clock)
    }

    func invoices(of tenant: TenantID, after cursor: String?, limit: Int) async throws -> ProxiedPage<InvoiceAnswer> {
        guard let entry = try await page("/v1/invoices", StripeInvoice.self, of: tenant, after: cursor, limit: limit, through: invoices) else {
            return try ProxiedPage([], after: nil, asOf: tenants.clock.now)
        }
        let last = entry.value.hasMore ? entry.value.items.last?.id : nil
        return try ProxiedPage(entry.value.items.map(InvoiceAnswer.init), after: last, asOf: entry.readAt)
    }

    func payments(of tenant: TenantID, after cursor: String?, limit: Int) async throws -> ProxiedPage<PaymentAnswer> {
        guard let entry = try await page("/v1/charges", ListedCharge.self, of: tenant, after: cursor, limit: limit, through: payments) else {
            return try ProxiedPage([], after: nil, asOf: tenants.clock.now)
        }
        let last = entry.value.hasMore ? entry.value.items.last?.id : nil
        return try ProxiedPage(entry.value.items.map(PaymentAnswer.init), after: last, asOf: entry.readAt)
    }

    /// After something was paid or changed: what is shown next is new.
    func forget(_ tenant: TenantID) async {
        await invoices.forget(tenant)
        await payments.forget(tenant)
    }

    /// Nil while the company is no customer yet.
    private func page<Item: Decodable & Sendable>(
        _ path: String, _ type: Item.Type, of tenant: TenantID, after cursor: String?, limit: Int, through cache: ListCache<Listed<Item>>
    ) async throws -> ListCache<Listed<Item>>.Entry? {
        guard let customer = try await CustomerStore.read(tenant, in: tenants.api) else { return nil }
        var query: StripeParameters = ["customer": .text(customer), "limit": .integer(Int64(limit))]
        if let cursor { query["starting_after"] = .text(cursor) }
        let (stripe, asked) = (tenants.stripe, query)
        do {
            return try await cache.page(.init(tenant: tenant, cursor: cursor, limit: limit)) {
                let list = try await stripe.read(StripeList<Item>.self, path, asked)
                return Listed(items: list.data, hasMore: list.hasMore)
            }
        } catch let error as StripeError {
            // The cursor is only ever an id of Stripe's; one that names nothing is the caller's mistake.
            guard error.parameter == "starting_after" else { throw error }
            throw Problem.invalid("The cursor is not one that this list gave.", field: "cursor")
        }
    }
}

extension InvoiceAnswer {
    init(_ invoice: StripeInvoice) {
        func money(_ amount: Int64?) -> MoneyAnswer { MoneyAnswer(Money(amount: amount ?? 0, currency: invoice.currency)) }
        self.init(
            id: invoice.id ?? "", number: invoice.number, status: invoice.status, total: money(invoice.total), amountDue: money(invoice.amountDue),
            amountPaid: money(invoice.amountPaid), amountRemaining: money(invoice.amountRemaining), createdAt: invoice.created,
            dueAt: invoice.dueDate, periodStart: invoice.periodStart, periodEnd: invoice.periodEnd, hostedUrl: invoice.hostedInvoiceUrl,
            pdfUrl: invoice.invoicePdf)
    }
}

extension PaymentAnswer {
    init(_ charge: StripeLists.ListedCharge) {
        self.init(
            id: charge.id, status: charge.status ?? "unknown", amount: MoneyAnswer(Money(amount: charge.amount, currency: charge.currency)),
            amountRefunded: MoneyAnswer(Money(amount: charge.amountRefunded ?? 0, currency: charge.currency)), createdAt: charge.created,
            description: charge.description, method: charge.paymentMethodDetails?.type, brand: charge.paymentMethodDetails?.card?.brand,
            lastFour: charge.paymentMethodDetails?.card?.last4, failure: charge.failureMessage, isDisputed: charge.disputed ?? false,
            receiptUrl: charge.receiptUrl)
    }
}
