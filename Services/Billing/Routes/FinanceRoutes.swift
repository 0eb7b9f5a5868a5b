import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// The operator's people at work on billing, for the roles finance and super_admin.
struct FinanceRoutes {
    let finance: Finance
    let idempotency: IdempotencyKeys

    private struct ReasonRequest: Decodable {
        let reason: String
        /// Of an event: the connected account that it is of.
        let account: String?
    }

    private struct GrantRequest: Codable {
        let access: String?
        let limits: [String: Int64?]?
        let reason: String
        let endsAt: Date?
    }

    private var editor: PlanEditor { PlanEditor(finance: finance) }

    func add(to router: Router<AppContext>) {
        let routes = router.group("/api/v1/platform/finance")
        addWebhooks(routes)
        addTenants(routes)
        addPlans(routes)
        FinancePackRoutes(finance: finance).add(to: routes)
        routes.get("overview") { _, context in
            _ = try context.require(staff: .finance)
            return try Response.json(try await FinanceOverviewStore.read(at: finance.clock.now, in: finance.worker))
        }
    }

    private func addWebhooks(_ routes: RouterGroup<AppContext>) {
        routes.get("webhooks/health") { _, context in
            _ = try context.require(staff: .finance)
            return try Response.json(try await EventLookStore.health(at: finance.clock.now, in: finance.worker))
        }
        routes.get("events") { request, context in
            _ = try context.require(staff: .finance)
            let page = try PageRequest(request)
            let state = request.uri.queryParameters["state"].map(String.init)
            guard state.map(StoredEvent.states.contains) ?? true else {
                throw Problem.invalid("state must be one of \(StoredEvent.states.joined(separator: ", ")).", field: "state")
            }
            let events = try await EventLookStore.events(
                in: state, after: try page.after(StoredEvent.Place.self), limit: page.limit + 1, in: finance.worker)
            return try Response.json(Page(events, limit: page.limit) { $0.place })
        }
        routes.post("webhooks/events/{id}/replay") { request, context in
            let staff = try context.require(staff: .finance)
            let input = try await request.json(ReasonRequest.self)
            let reason = try Self.checked(reason: input.reason)
            guard let event = context.parameters.get("id"), event.utf8.count <= 255,
                try await finance.replay(event, of: input.account ?? "", reason: reason, by: staff, audit: context.financeAudit)
            else { throw Problem.notFound("event") }
            return Response.noContent
        }
    }

    private func addTenants(_ routes: RouterGroup<AppContext>) {
        routes.get("tenants/{tenant}") { _, context in
            _ = try context.require(staff: .finance)
            return try await answer(of: try context.identifier("tenant", as: TenantID.self))
        }
        routes.post("tenants/{tenant}/sync") { request, context in
            let staff = try context.require(staff: .finance)
            let tenant = try context.identifier("tenant", as: TenantID.self)
            let reason = try Self.checked(reason: try await request.json(ReasonRequest.self).reason)
            let isKnown = try await explainingStripe(context.logger) {
                try await finance.synchronise(tenant, reason: reason, by: staff, audit: context.financeAudit)
            }
            guard isKnown else { throw Problem.notFound("company") }
            return try await answer(of: tenant)
        }
        routes.post("tenants/{tenant}/grants") { request, context in try await grant(request, context) }
        routes.delete("tenants/{tenant}/grants/{id}") { request, context in try await revoke(request, context) }
        // The same for clients and proxies that send no body with DELETE.
        routes.post("tenants/{tenant}/grants/{id}/revoke") { request, context in try await revoke(request, context) }
    }

    private func revoke(_ request: Request, _ context: AppContext) async throws -> Response {
        let staff = try context.require(staff: .finance)
        let tenant = try context.identifier("tenant", as: TenantID.self)
        let reason = try Self.checked(reason: try await request.json(ReasonRequest.self).reason)
        guard let id = context.parameters.get("id").flatMap({ UUID(text: $0) }),
            try await finance.revoke(id, of: tenant, reason: reason, by: staff, audit: context.financeAudit)
        else { throw Problem.notFound("grant") }
        return Response.noContent
    }

    private func answer(of tenant: TenantID) async throws -> Response {
        guard let found = try await TenantFinanceStore.read(tenant, now: finance.clock.now, in: finance.api) else {
            throw Problem.notFound("company")
        }
        return try Response.json(found)
    }

    private func grant(_ request: Request, _ context: AppContext) async throws -> Response {
        let staff = try context.require(staff: .finance)
        let tenant = try context.identifier("tenant", as: TenantID.self)
        let input = try await request.json(GrantRequest.self)
        let new = try checked(input)
        return try await idempotency.once(request, as: staff, body: input) {
            guard let grant = try await finance.grant(new, to: tenant, by: staff, audit: context.financeAudit) else {
                throw Problem.notFound("company")
            }
            return try Response.json(grant, status: .created)
        }
    }

    private func checked(_ input: GrantRequest) throws(Problem) -> Grant.New {
        let access = input.access.map(BillingRPC.Access.init(rawValue:))
        guard access.map({ $0 == .full || $0 == .readOnly }) ?? true else {
            throw Problem.invalid("access must be full or read_only.", field: "access")
        }
        let limits = try LimitName.checked(input.limits ?? [:])
        guard access != nil || !limits.isEmpty else { throw Problem.invalid("A grant has access, limits or both.", field: "access") }
        guard input.endsAt.map({ $0 > finance.clock.now }) ?? true else { throw Problem.invalid("ends_at must lie ahead.", field: "ends_at") }
        return Grant.New(access: access, limits: limits, reason: try Self.checked(reason: input.reason), endsAt: input.endsAt)
    }

    /// One that says nothing is none.
    static func checked(reason: String) throws(Problem) -> String {
        let trimmed = reason.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (10...500).contains(trimmed.count) else { throw Problem.invalid("reason must have 10 to 500 characters.", field: "reason") }
        return trimmed
    }
}

extension AppContext {
    /// For the trail, with where the request came from.
    var financeAudit: Finance.Audit {
        { audit($0, targets: $1, changes: $2, metadata: $3) }
    }
}

// MARK: - Plans

extension FinanceRoutes {
    private struct PlanRequest: Decodable {
        let name: String
        let limits: [String: Int64?]
        let isPublic: Bool
        let stripeProduct: String?
        let reason: String
    }

    private struct PricesRequest: Decodable {
        let prices: [PlanRecord.Price]
        let reason: String
    }

    private func addPlans(_ routes: RouterGroup<AppContext>) {
        routes.get("plans") { _, context in
            _ = try context.require(staff: .finance)
            let plans = try await PlanRecordStore.all(in: finance.worker)
            return try Response.json(Page(plans, limit: max(1, plans.count)) { $0.code })
        }
        routes.get("plans/{code}") { _, context in
            _ = try context.require(staff: .finance)
            return try Self.answer(try await PlanRecordStore.find(try code(context), in: finance.worker))
        }
        routes.put("plans/{code}") { request, context in
            let staff = try context.require(staff: .finance)
            let expected = try Revision.required(by: request)
            let input = try await request.json(PlanRequest.self)
            let (change, reason) = (try checked(input), try Self.checked(reason: input.reason))
            return try Self.answer(
                try await editor.change(
                    try code(context), to: change, expecting: expected, reason: reason, by: staff, audit: context.financeAudit))
        }
        routes.put("plans/{code}/prices") { request, context in
            let staff = try context.require(staff: .finance)
            let expected = try Revision.required(by: request)
            let input = try await request.json(PricesRequest.self)
            let (prices, reason) = (try checked(input.prices), try Self.checked(reason: input.reason))
            return try Self.answer(
                try await editor.set(
                    prices, of: try code(context), expecting: expected, reason: reason, by: staff, audit: context.financeAudit))
        }
    }

    private static func answer(_ plan: PlanRecord?) throws -> Response {
        guard let plan else { throw Problem.notFound("plan") }
        return try Response.json(plan, headers: Revision(plan.revision).header)
    }

    private func code(_ context: AppContext) throws(Problem) -> String {
        guard let code = context.parameters.get("code"), code.utf8.count <= 64 else { throw Problem.notFound("plan") }
        return code
    }

    /// A plan says something of every limit: one that is left out by mistake would be without end.
    private func checked(_ input: PlanRequest) throws(Problem) -> PlanEditor.Change {
        let name = input.name.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...100).contains(name.count) else { throw Problem.invalid("name must have 1 to 100 characters.", field: "name") }
        var limits = try LimitName.checked(input.limits)
        let missing = LimitName.all.subtracting(limits.keys).sorted()
        guard missing.isEmpty else { throw Problem.invalid("limits lacks \(missing.joined(separator: ", ")); null is unlimited.", field: "limits") }
        guard let named = limits.removeValue(forKey: "mails"), let mails = named else {
            throw Problem.invalid("A plan has a number of mails; a grant may lift it.", field: "limits.mails")
        }
        guard input.stripeProduct.map({ (1...255).contains($0.utf8.count) }) ?? true else {
            throw Problem.invalid("stripe_product must have 1 to 255 characters.", field: "stripe_product")
        }
        return PlanEditor.Change(name: name, mails: mails, limits: limits, isPublic: input.isPublic, stripeProduct: input.stripeProduct)
    }

    private func checked(_ prices: [PlanRecord.Price]) throws(Problem) -> [PlanRecord.Price] {
        guard (1...100).contains(prices.count) else { throw Problem.invalid("prices must be 1 to 100.", field: "prices") }
        var seen: Set<String> = []
        for price in prices {
            _ = try Self.checked(price.amount, price.currency, stripePrice: price.stripePrice)
            guard seen.insert("\(price.interval.rawValue) \(price.currency)").inserted else {
                throw Problem.invalid("An interval and a currency stand twice.", field: "prices")
            }
        }
        return prices
    }

    /// An amount in a currency, and the price of Stripe's that costs as much; a 400 for what cannot be any.
    static func checked(_ amount: Int64, _ currency: String, stripePrice: String?) throws(Problem) -> Money {
        guard Currency.exponent(of: currency) != nil, currency == currency.uppercased() else {
            throw Problem.invalid("currency must be three capital letters of ISO 4217.", field: "currency")
        }
        guard (0...ConnectPayments.maximum).contains(amount) else {
            throw Problem.invalid("amount must be 0 to \(ConnectPayments.maximum), in the currency's smallest unit.", field: "amount")
        }
        guard stripePrice.map({ $0.hasPrefix("price_") && $0.utf8.count <= 255 }) ?? true else {
            throw Problem.invalid("stripe_price must be the identifier of a price at Stripe.", field: "stripe_price")
        }
        return Money(amount: amount, currency: currency)
    }
}
