import Contracts
import Crypto
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// What a company asks one of its own clients for.
struct ConnectPaymentRequest: Codable, Sendable {
    /// In the currency's smallest unit.
    let amount: Int64
    let currency: String
    let description: String?
    /// The company's own word for the client or the invoice.
    let clientReference: String?
}

/// A payment as the company sees it; the secret is there for a new one only.
struct ConnectPaymentAnswer: Encodable, Sendable {
    let id: String
    let status: String
    let price: MoneyAnswer
    let fee: MoneyAnswer
    let description: String?
    let clientReference: String?
    /// On which account the browser finishes it, with ``clientSecret``.
    let account: String
    let clientSecret: String?
    let createdAt: Date?

    init(_ payment: StripePaymentIntent, account: String, withSecret: Bool) {
        let currency = payment.currency.uppercased()
        id = payment.id
        status = payment.status
        price = MoneyAnswer(Money(amount: payment.amount, currency: currency))
        fee = MoneyAnswer(Money(amount: payment.applicationFeeAmount ?? 0, currency: currency))
        description = payment.description
        clientReference = payment.metadata?["client_reference"]
        self.account = account
        clientSecret = withSecret ? payment.clientSecret : nil
        createdAt = payment.created
    }
}

/// Direct charges on connected accounts: the client pays the company, and the platform takes its fee.
///
/// The one place besides reading such an account where `Stripe-Account` is sent: what companies pay us for never carries it.
struct ConnectPayments: Sendable {
    /// Eight digits, Stripe's most.
    static let maximum: Int64 = 99_999_999

    let stripe: StripeClient
    let settings: StripeSettings
    let worker: Database
    let outbox: Outbox
    let clock: WallClock

    /// The same request under the same Idempotency-Key is the same payment at Stripe, also after a lost answer.
    func begin(
        _ request: ConnectPaymentRequest, on account: ConnectAccount, by identity: Identity, idempotencyKey: String?,
        record: @Sendable (AuditRecord.Target, [String: String]) -> AuditRecord
    ) async throws -> StripePaymentIntent {
        guard account.mayCharge else { throw Self.notEnabled }
        let fee = settings.applicationFee(of: request.amount)
        var parameters: StripeParameters = [
            "amount": .integer(request.amount), "currency": .text(request.currency.lowercased()), "automatic_payment_methods": ["enabled": true],
        ]
        // Stripe takes no fee of nothing.
        if fee > 0 { parameters["application_fee_amount"] = .integer(fee) }
        if let description = request.description { parameters["description"] = .text(description) }
        var metadata: [(String, StripeValue)] = [("tenant", .text(identity.tenant.description))]
        if let reference = request.clientReference { metadata.append(("client_reference", .text(reference))) }
        parameters["metadata"] = StripeValue.map(metadata)
        let payment = try await stripe.write(
            StripePaymentIntent.self, "/v1/payment_intents", parameters, key: try key(request, idempotencyKey), for: identity.tenant,
            account: account.account)
        let event = try PendingEvent(
            BillingEvents.ConnectPaymentBegun(payment: payment.id, amount: request.amount, currency: request.currency, fee: fee), at: clock.now,
            tenant: identity.tenant, actor: identity.actor,
            audit: record(
                .init(type: "connect_payment", id: payment.id),
                ["amount": String(request.amount), "currency": request.currency, "fee": String(fee), "account": account.account]))
        try await worker.transaction { try await outbox.append([event], in: $0) }
        outbox.wake()
        return payment
    }

    /// The newest first, straight from Stripe.
    func list(on account: ConnectAccount, after last: String?, limit: Int) async throws -> [StripePaymentIntent] {
        var query: StripeParameters = ["limit": .integer(Int64(limit))]
        if let last { query["starting_after"] = .text(last) }
        do throws(StripeError) {
            return try await stripe.forBrowser.read(
                StripeList<StripePaymentIntent>.self, "/v1/payment_intents", query, account: account.account
            ).data
        } catch {
            // The cursor is only ever an id of Stripe's; one that names nothing is the caller's mistake.
            guard error.parameter == "starting_after" else { throw error }
            throw Problem.invalid("The cursor is not one that this list gave.", field: "cursor")
        }
    }

    /// With the body in it: another payment under the same header is another payment at Stripe, too.
    private func key(_ request: ConnectPaymentRequest, _ header: String?) throws -> String {
        guard let header else { return "connect-payment:\(UUID.v7(at: clock.now).text)" }
        var digest = SHA256()
        digest.update(data: Data(header.utf8))
        digest.update(data: Data([0]))
        digest.update(data: try WireJSON.encoder().encode(request))
        return "connect-payment:\(Data(digest.finalize().prefix(16)).base64URL)"
    }

    static let notEnabled = Problem.conflict(
        kind: "charges_not_enabled", title: "The connected account cannot charge yet.",
        detail: "Finish Stripe's form with POST /api/v1/billing/connect/onboarding-link; GET /api/v1/billing/connect/status says what is missing.")
}
