/// What a path of Stripe's API names: a kind of object, one of them, something to do with it.
struct StripeResource {
    private static let kinds: [(path: String, object: String, prefix: String)] = [
        ("products", "product", "prod_"), ("prices", "price", "price_"), ("customers", "customer", "cus_"),
        ("checkout/sessions", "checkout.session", "cs_test_"), ("subscriptions", "subscription", "sub_"),
        ("subscription_schedules", "subscription_schedule", "sub_sched_"), ("invoices", "invoice", "in_"),
        ("payment_intents", "payment_intent", "pi_"), ("setup_intents", "setup_intent", "seti_"), ("charges", "charge", "ch_"),
        ("disputes", "dispute", "dp_"), ("refunds", "refund", "re_"), ("billing_portal/sessions", "billing_portal.session", "bps_"),
        ("accounts", "account", "acct_"), ("account_links", "account_link", "link_"), ("events", "event", "evt_"),
    ]

    let object: String
    let prefix: String
    let id: String?
    let action: String?
    /// As ``StripeSpecification`` writes it.
    let template: String

    init?(path: String) {
        let kinds = Self.kinds.filter { path == "/v1/\($0.path)" || path.hasPrefix("/v1/\($0.path)/") }
        guard let kind = kinds.first else { return nil }
        object = kind.object
        prefix = kind.prefix
        let base = "/v1/\(kind.path)"
        let rest = path.dropFirst(base.count).split(separator: "/").map(String.init)
        guard rest.count <= 2 else { return nil }
        let isOfCollection = rest.count == 1 && ["search", "create_preview"].contains(rest[0])
        id = rest.isEmpty || isOfCollection ? nil : rest[0]
        action = isOfCollection ? rest[0] : rest.count == 2 ? rest[1] : nil
        let named = rest.isEmpty ? "" : isOfCollection ? "/\(rest[0])" : "/{id}"
        template = base + named + (rest.count == 2 ? "/\(rest[1])" : "")
    }

    /// How ids of a kind begin.
    static func prefix(of object: String) -> String {
        kinds.first { $0.object == object }?.prefix ?? "obj_"
    }
}

/// Which objects a list is about.
enum StripeFilter {
    private static let others: Set<String> = ["limit", "starting_after", "ending_before", "expand"]

    static func matches(_ object: DoubleJSON, _ parameters: DoubleJSON, delivered: Set<String>) -> Bool {
        if object["object"].string == "subscription", parameters["status"] == .null, object["status"].string == "canceled" { return false }
        return parameters.members.allSatisfy { others.contains($0.key) || matches(object, $0.key, $0.value, delivered) }
    }

    private static func matches(_ object: DoubleJSON, _ name: String, _ wanted: DoubleJSON, _ delivered: Set<String>) -> Bool {
        switch (name, wanted) {
        case ("status", "all"): return true
        case ("status", "ended"): return ["canceled", "incomplete_expired"].contains(object["status"].string)
        case ("types", .list(let types)): return types.contains(object["type"])
        case ("lookup_keys", .list(let keys)): return keys.contains(object["lookup_key"])
        case ("ids", .list(let ids)): return ids.contains(object["id"])
        case ("delivery_success", .boolean(let wanted)): return delivered.contains(object["id"].string ?? "") == wanted
        case ("subscription", _) where object["object"].string == "invoice":
            return object["parent"]["subscription_details"]["subscription"] == wanted
        case ("price", _) where object["object"].string == "subscription":
            return object["items"]["data"].elements.contains { $0["price"]["id"] == wanted }
        case (_, .map(let bounds)):
            guard let value = object[name].number else { return false }
            return bounds.allSatisfy { bound in
                let limit = bound.value.number ?? 0
                return switch bound.key {
                case "gt": value > limit
                case "gte": value >= limit
                case "lt": value < limit
                default: value <= limit
                }
            }
        default: return object[name] == wanted
        }
    }
}
