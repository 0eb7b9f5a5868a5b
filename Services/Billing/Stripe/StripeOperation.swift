/// The operations of Stripe's API that have a name here, as `METHOD /path`: all that Billing calls, and a few beside them. What is counted is
/// counted by these names, a call of any other as `other`; the contract tests cover each of them.
enum StripeOperation: String, Sendable, CaseIterable {
    case createProduct = "POST /v1/products"
    case readProduct = "GET /v1/products/{id}"
    case updateProduct = "POST /v1/products/{id}"
    case listProducts = "GET /v1/products"
    case createPrice = "POST /v1/prices"
    case readPrice = "GET /v1/prices/{id}"
    case updatePrice = "POST /v1/prices/{id}"
    case listPrices = "GET /v1/prices"

    case createCustomer = "POST /v1/customers"
    case readCustomer = "GET /v1/customers/{id}"
    case updateCustomer = "POST /v1/customers/{id}"
    case listCustomers = "GET /v1/customers"
    case searchCustomers = "GET /v1/customers/search"

    case createCheckoutSession = "POST /v1/checkout/sessions"
    case readCheckoutSession = "GET /v1/checkout/sessions/{id}"
    case listCheckoutSessions = "GET /v1/checkout/sessions"
    case expireCheckoutSession = "POST /v1/checkout/sessions/{id}/expire"

    case readSubscription = "GET /v1/subscriptions/{id}"
    case listSubscriptions = "GET /v1/subscriptions"
    case updateSubscription = "POST /v1/subscriptions/{id}"
    case cancelSubscription = "DELETE /v1/subscriptions/{id}"
    case createSchedule = "POST /v1/subscription_schedules"
    case readSchedule = "GET /v1/subscription_schedules/{id}"
    case updateSchedule = "POST /v1/subscription_schedules/{id}"
    case releaseSchedule = "POST /v1/subscription_schedules/{id}/release"

    case previewInvoice = "POST /v1/invoices/create_preview"
    case readInvoice = "GET /v1/invoices/{id}"
    case listInvoices = "GET /v1/invoices"
    case payInvoice = "POST /v1/invoices/{id}/pay"

    case createPaymentIntent = "POST /v1/payment_intents"
    case readPaymentIntent = "GET /v1/payment_intents/{id}"
    case listPaymentIntents = "GET /v1/payment_intents"
    case cancelPaymentIntent = "POST /v1/payment_intents/{id}/cancel"
    case createSetupIntent = "POST /v1/setup_intents"
    case readSetupIntent = "GET /v1/setup_intents/{id}"
    case readCharge = "GET /v1/charges/{id}"
    case listCharges = "GET /v1/charges"
    case readDispute = "GET /v1/disputes/{id}"

    case createPortalSession = "POST /v1/billing_portal/sessions"
    case createAccount = "POST /v1/accounts"
    case readAccount = "GET /v1/accounts/{id}"
    case createAccountLink = "POST /v1/account_links"

    case readEvent = "GET /v1/events/{id}"
    case listEvents = "GET /v1/events"

    /// The operation that a call is; nil for one that is not in this list.
    init?(method: String, path: String) {
        if let exact = Self(rawValue: "\(method) \(path)") {
            self = exact
            return
        }
        let asked = path.split(separator: "/")
        let found = Self.allCases.first { operation in
            let (known, template) = operation.parts
            let segments = template.split(separator: "/")
            return known == method && segments.count == asked.count && zip(segments, asked).allSatisfy { $0 == $1 || $0 == "{id}" }
        }
        guard let found else { return nil }
        self = found
    }

    private var parts: (method: Substring, path: Substring) {
        let parts = rawValue.split(separator: " ", maxSplits: 1)
        return (parts[0], parts[1])
    }
}
