import Foundation

/// How objects come to be.
extension StripeWorld {
    /// What a parameter sets on the object of the same name is copied; the rest is done by hand.
    mutating func create(_ resource: StripeResource, _ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) -> DoubleJSON {
        switch resource.object {
        case "checkout.session": return try createCheckout(parameters, place)
        case "subscription_schedule": return try createSchedule(parameters, place)
        case "price": return try createPrice(parameters, place)
        default: break
        }
        let id = parameters["id"].string ?? identifier(resource.prefix)
        if object(id, account: place.account) != nil {
            throw .invalid("\(resource.object) already exists.", code: "resource_already_exists", parameter: "id")
        }
        var object = StripeTemplates.object(resource.object, id: id, at: place)
        copy(parameters, into: &object)
        if resource.object == "account_link" { _ = try find(parameters["account"].string ?? "", account: "", parameter: "account") }
        if resource.object == "account" {
            for (name, wish) in parameters["capabilities"].members where wish["requested"].truth { object["capabilities"][name] = "inactive" }
            object["controller"] = parameters["controller"]
        }
        store(object, account: place.account)
        return object
    }

    private mutating func createPrice(_ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) -> DoubleJSON {
        var price = StripeTemplates.object("price", id: identifier("price_"), at: place)
        copy(parameters, into: &price)
        if let name = parameters["product_data"]["name"].string {
            var product = StripeTemplates.object("product", id: identifier("prod_"), at: place)
            product["name"] = .text(name)
            store(product, account: place.account)
            price["product"] = product["id"]
        }
        guard price["product"] != .null else {
            throw .invalid("You must specify either `product` or `product_data` when creating a price.", parameter: "product")
        }
        if case .map = parameters["recurring"] {
            price["type"] = "recurring"
            price["recurring"] = DoubleJSON.map(["interval_count": 1, "usage_type": "licensed", "meter": .null]).merged(with: parameters["recurring"])
        }
        store(price, account: place.account)
        return price
    }

    private mutating func createCheckout(_ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) -> DoubleJSON {
        let mode = parameters["mode"].string ?? ""
        let isHosted = (parameters["ui_mode"].string ?? "hosted_page") == "hosted_page"
        let items = parameters["line_items"].elements
        if ["payment", "subscription"].contains(mode), items.isEmpty {
            throw .invalid("Missing required param: line_items.", code: "parameter_missing", parameter: "line_items")
        }
        if isHosted, parameters["success_url"] == .null {
            throw .invalid("Missing required param: success_url.", code: "parameter_missing", parameter: "success_url")
        }
        for name in ["success_url", "cancel_url"] where !isHosted && parameters[name] != .null {
            throw .invalid("\(name) is not allowed if ui_mode is not hosted_page.", parameter: name)
        }
        if parameters["customer"] != .null, parameters["customer_email"] != .null {
            throw .invalid("You may only specify one of these parameters: customer, customer_email.", parameter: "customer")
        }
        var total: Int64 = 0
        var session = StripeTemplates.object("checkout.session", id: identifier("cs_test_"), at: place)
        copy(parameters, into: &session)
        for item in items {
            guard let id = item["price"].string else { continue }
            let price = try find(id, account: place.account, parameter: "line_items[0][price]")
            let recurs = price["recurring"] != .null
            guard recurs == (mode == "subscription") else {
                throw .invalid("You specified `\(mode)` mode but passed a price that does not fit it.", parameter: "mode")
            }
            guard price["active"].truth else {
                throw .invalid("The price specified is inactive.", code: "price_inactive", parameter: "line_items[0][price]")
            }
            total += (price["unit_amount"].number ?? 0) * (item["quantity"].number ?? 1)
            session["currency"] = price["currency"]
        }
        let id = session["id"].string ?? ""
        if isHosted { session["url"] = "https://checkout.stripe.com/c/pay/\(id)" } else { session["client_secret"] = "\(id)_secret_double" }
        session["amount_total"] = .integer(total)
        session["amount_subtotal"] = .integer(total)
        // What Stripe remembers and does not show.
        session["line_items"] = ["object": "list", "data": .list(items), "has_more": false]
        session["subscription_data"] = parameters["subscription_data"]
        session["payment_intent_data"] = parameters["payment_intent_data"]
        store(session, account: place.account)
        return session
    }

    private mutating func createSchedule(_ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) -> DoubleJSON {
        guard let id = parameters["from_subscription"].string else {
            throw .invalid("The double makes schedules from subscriptions only.", parameter: "from_subscription")
        }
        for name in parameters.members.keys.sorted() where !["from_subscription", "expand", "metadata"].contains(name) {
            throw .invalid("You cannot set `\(name)` if `from_subscription` is set.", parameter: name)
        }
        var subscription = try find(id, account: place.account, parameter: "from_subscription")
        guard subscription["schedule"] == .null else {
            throw .invalid("You cannot migrate a subscription that is already attached to a schedule.", parameter: "from_subscription")
        }
        guard !["canceled", "incomplete_expired"].contains(subscription["status"].string) else {
            throw .invalid("You cannot migrate a subscription that has ended.", parameter: "from_subscription")
        }
        var schedule = StripeTemplates.object("subscription_schedule", id: identifier("sub_sched_"), at: place)
        let items = subscription["items"]["data"].elements
        let (start, end) = (items.first?["current_period_start"] ?? .null, items.first?["current_period_end"] ?? .null)
        schedule["metadata"] = parameters["metadata"] == .null ? [:] : parameters["metadata"]
        schedule["customer"] = subscription["customer"]
        schedule["subscription"] = .text(id)
        schedule["current_phase"] = ["start_date": start, "end_date": end]
        let phaseItems = items.map { DoubleJSON.map(["price": $0["price"]["id"], "quantity": $0["quantity"]]) }
        schedule["phases"] = [["start_date": start, "end_date": end, "items": .list(phaseItems), "metadata": [:]]]
        subscription["schedule"] = schedule["id"]
        store(subscription, account: place.account)
        store(schedule, account: place.account)
        return schedule
    }

    /// A subscription as Stripe makes one when a checkout is paid, with the invoice that was paid for it.
    mutating func subscribe(
        customer: String, prices: [DoubleJSON], status: String, metadata: DoubleJSON, trialEnd: Date?, _ place: StripePlace
    ) throws(StripeRefusal) -> DoubleJSON {
        let id = identifier("sub_")
        var subscription = StripeTemplates.object("subscription", id: id, at: place)
        subscription["customer"] = .text(customer)
        subscription["status"] = .text(status)
        subscription["metadata"] = metadata
        var items: [DoubleJSON] = []
        for entry in prices {
            let price = try find(entry["price"].string ?? "", account: place.account, parameter: "items[0][price]")
            items.append(item(of: id, price: price, quantity: entry["quantity"].number ?? 1, end: trialEnd, place))
            subscription["currency"] = price["currency"]
        }
        subscription["items"]["data"] = .list(items)
        if let trialEnd {
            subscription["trial_start"] = place.seconds
            subscription["trial_end"] = .integer(Int64(trialEnd.timeIntervalSince1970))
        }
        let isPaid = ["active", "trialing"].contains(status)
        let invoice = self.invoice(for: subscription, isPaid: isPaid, reason: "subscription_create", place)
        subscription["latest_invoice"] = invoice["id"]
        store(invoice, account: place.account)
        store(subscription, account: place.account)
        return subscription
    }

    mutating func item(of subscription: String, price: DoubleJSON, quantity: Int64, end: Date? = nil, _ place: StripePlace) -> DoubleJSON {
        let periodEnd = end ?? StripeTemplates.periodEnd(of: price, from: place.now)
        return [
            "id": .text(identifier("si_")), "object": "subscription_item", "created": place.seconds, "subscription": .text(subscription),
            "price": price, "quantity": .integer(quantity), "metadata": [:], "current_period_start": place.seconds,
            "current_period_end": .integer(Int64(periodEnd.timeIntervalSince1970)),
        ]
    }

    mutating func invoice(for subscription: DoubleJSON, isPaid: Bool, reason: String, _ place: StripePlace) -> DoubleJSON {
        let items = subscription["items"]["data"].elements
        let isTrial = subscription["status"].string == "trialing"
        let total: Int64 = isTrial ? 0 : items.map(StripeWorld.amount).reduce(0, +)
        var invoice = StripeTemplates.object("invoice", id: identifier("in_"), at: place)
        invoice["status"] = isPaid ? "paid" : "open"
        invoice["customer"] = subscription["customer"]
        invoice["currency"] = subscription["currency"]
        invoice["billing_reason"] = .text(reason)
        for name in ["amount_due", "subtotal", "total"] { invoice[name] = .integer(total) }
        invoice[isPaid ? "amount_paid" : "amount_remaining"] = .integer(total)
        invoice["parent"] = [
            "type": "subscription_details",
            "subscription_details": ["subscription": subscription["id"], "metadata": subscription["metadata"]],
        ]
        invoice["lines"]["data"] = .list(items.map { StripeWorld.line(of: $0, amount: StripeWorld.amount(of: $0), isProration: false) })
        return invoice
    }

    static func amount(of item: DoubleJSON) -> Int64 {
        (item["price"]["unit_amount"].number ?? 0) * (item["quantity"].number ?? 1)
    }

    static func line(of item: DoubleJSON, amount: Int64, isProration: Bool) -> DoubleJSON {
        let name = item["id"].string ?? ""
        return [
            "id": .text("il_\(name)\(isProration ? "p" : "")\(amount)"), "object": "line_item", "amount": .integer(amount),
            "currency": item["price"]["currency"], "description": .null, "quantity": item["quantity"],
            "period": ["start": item["current_period_start"], "end": item["current_period_end"]],
            "pricing": ["type": "price_details", "price_details": ["price": item["price"]["id"], "product": item["price"]["product"]]],
            "parent": [
                "type": "subscription_item_details",
                "subscription_item_details": [
                    "proration": .boolean(isProration), "subscription": item["subscription"], "subscription_item": item["id"],
                ],
            ],
        ]
    }

    /// Sets what the object has under the same name and as one value; `metadata` is merged, and emptied members go.
    func copy(_ parameters: DoubleJSON, into object: inout DoubleJSON) {
        for (name, value) in parameters.members {
            switch value {
            case .map(let members) where name == "metadata":
                var metadata = object["metadata"].members
                for (key, text) in members { metadata[key] = text }
                for (key, text) in members where text == .text("") { metadata.removeValue(forKey: key) }
                object["metadata"] = .map(metadata)
            case .map, .list: break
            default: if object.members[name] != nil { object[name] = value == .text("") ? .null : value }
            }
        }
    }
}
