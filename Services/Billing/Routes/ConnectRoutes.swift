import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// A company's own account at Stripe, for charging its own clients.
struct ConnectRoutes {
    let accounts: ConnectAccounts
    let payments: ConnectPayments
    let idempotency: IdempotencyKeys

    private struct AccountRequest: Codable {
        let country: String
    }

    private struct LinkAnswer: Encodable {
        let url: String
        let expiresAt: Date?
    }

    func add(to router: Router<AppContext>) {
        let connect = router.group("/api/v1/billing/connect")
        connect.post("account") { request, context in try await create(request, context) }
        connect.post("onboarding-link") { _, context in
            let identity = try context.requirePaying()
            let account = try await account(of: identity.tenant)
            let link = try await explainingStripe(context.logger) {
                try await accounts.onboardingLink(for: account, by: identity) { context.audit("connect.onboard", targets: [$0]) }
            }
            return try Response.json(LinkAnswer(url: link.url, expiresAt: link.expiresAt), status: .created)
        }
        connect.get("status") { _, context in
            let identity = try context.requireBilling()
            return try Response.json(ConnectAnswer(try await accounts.status(of: identity.tenant), now: accounts.clock.now))
        }
        connect.post("payments") { request, context in try await charge(request, context) }
        connect.get("payments") { request, context in
            let identity = try context.requireBilling()
            let page = try PageRequest(request, maximum: 99)
            let account = try await account(of: identity.tenant)
            let last = try page.after(String.self)
            let found = try await explainingStripe(context.logger) {
                try await payments.list(on: account, after: last, limit: page.limit + 1)
            }
            let answers = found.map { ConnectPaymentAnswer($0, account: account.account, withSecret: false) }
            return try Response.json(Page(answers, limit: page.limit) { $0.id })
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requirePaying()
        let input = try await request.json(AccountRequest.self)
        guard input.country.utf8.count == 2, input.country.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) else {
            throw Problem.invalid("country must be two capital letters, such as US or DE.", field: "country")
        }
        guard accounts.stripe.isConfigured else { throw Problem.stripeNotConfigured }
        let account = try await explainingConnect(context.logger) {
            try await accounts.create(country: input.country, for: identity.tenant, by: identity.actor) {
                context.audit("connect.create", targets: [$0], metadata: ["country": input.country])
            }
        }
        return try Response.json(ConnectAnswer(account, now: accounts.clock.now), status: .created)
    }

    private func charge(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requirePaying()
        let input = try Self.checked(try await request.json(ConnectPaymentRequest.self))
        let account = try await account(of: identity.tenant)
        let key = request.headers[.idempotencyKey]
        return try await idempotency.once(request, as: identity, body: input) {
            let payment = try await explainingConnect(context.logger) {
                try await payments.begin(input, on: account, by: identity, idempotencyKey: key) {
                    context.audit("connect.charge", targets: [$0], metadata: $1)
                }
            }
            return try Response.json(ConnectPaymentAnswer(payment, account: account.account, withSecret: true), status: .created)
        }
    }

    /// The tenant's account, as long as it is ours to use.
    private func account(of tenant: TenantID) async throws -> ConnectAccount {
        guard accounts.stripe.isConfigured else { throw Problem.stripeNotConfigured }
        guard let account = try await accounts.find(tenant), account.state.deauthorizedAt == nil else {
            throw Problem.conflict(
                kind: "no_connect_account", title: "There is no connected account.", detail: "Make one with POST /api/v1/billing/connect/account.")
        }
        return account
    }

    private static func checked(_ input: ConnectPaymentRequest) throws(Problem) -> ConnectPaymentRequest {
        guard (1...ConnectPayments.maximum).contains(input.amount) else {
            throw Problem.invalid("amount must be 1 to \(ConnectPayments.maximum), in the currency's smallest unit.", field: "amount")
        }
        let currency = input.currency.uppercased()
        guard Currency.exponent(of: currency) != nil else {
            throw Problem.invalid("currency must be the three letters of ISO 4217, such as USD.", field: "currency")
        }
        let (description, reference) = (input.description, input.clientReference)
        guard description.map({ (1...500).contains($0.count) }) ?? true else {
            throw Problem.invalid("description must have 1 to 500 characters.", field: "description")
        }
        guard reference.map({ (1...200).contains($0.count) }) ?? true else {
            throw Problem.invalid("client_reference must have 1 to 200 characters.", field: "client_reference")
        }
        return ConnectPaymentRequest(amount: input.amount, currency: currency, description: description, clientReference: reference)
    }
}
