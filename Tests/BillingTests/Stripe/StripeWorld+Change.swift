import Foundation

/// How objects change.
extension StripeWorld {
    /// A way of payment whose bank asks its owner every time.
    static let wantsOwner = "pm_card_authenticationRequired"

    mutating func change(
        _ known: DoubleJSON, _ action: String?, _ parameters: DoubleJSON, _ place: StripePlace
    ) throws(StripeRefusal) -> DoubleJSON {
        var object = known
        switch (known["object"].string, action) {
        case ("subscription", nil): try update(&object, parameters, place)
        case ("subscription_schedule", nil):
            try require(object["status"].string == "active", "The subscription schedule is not active.")
            copy(parameters, into: &object)
            if case .list(let phases) = parameters["phases"] { object["phases"] = .list(Self.phases(phases)) }
        case ("subscription_schedule", "release"): try release(&object, place)
        case ("checkout.session", "expire"):
            try require(object["status"].string == "open", "Only Checkout Sessions with a status in [\"open\"] can be expired.")
            object["status"] = "expired"
            object["url"] = .null
        case ("invoice", "pay"): try pay(&object, place)
        case ("payment_intent", "cancel"):
            try require(!["succeeded", "canceled"].contains(object["status"].string), "You cannot cancel this PaymentIntent.")
            object["status"] = "canceled"
            object["canceled_at"] = place.seconds
        case ("customer", nil):
            copy(parameters, into: &object)
            object["invoice_settings"] = object["invoice_settings"].merged(with: .map(parameters["invoice_settings"].members))
        case (_, nil): copy(parameters, into: &object)
        default: throw StripeRefusal(status: 404, message: "Unrecognized request URL.")
        }
        store(object, account: place.account)
        return object
    }

    mutating func remove(_ known: DoubleJSON, _ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) -> DoubleJSON {
        var object = known
        guard known["object"].string == "subscription" else {
            object = ["id": known["id"], "object": known["object"], "deleted": true]
            store(object, account: place.account)
            return object
        }
        guard !["canceled", "incomplete_expired"].contains(known["status"].string) else {
            throw .missing("subscription: '\(known["id"].string ?? "")'", parameter: "id", status: 404)
        }
        if let id = known["schedule"].string, var schedule = self.object(id, account: place.account) {
            schedule["status"] = "canceled"
            schedule["canceled_at"] = place.seconds
            store(schedule, account: place.account)
        }
        object["status"] = "canceled"
        object["canceled_at"] = place.seconds
        object["ended_at"] = place.seconds
        object["schedule"] = .null
        store(object, account: place.account)
        return object
    }

    private func require(_ condition: Bool, _ message: String, parameter: String? = nil) throws(StripeRefusal) {
        if !condition { throw .invalid(message, parameter: parameter) }
    }

    private mutating func update(_ subscription: inout DoubleJSON, _ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) {
        let names = Set(parameters.members.keys)
        let hasEnded = ["canceled", "incomplete_expired"].contains(subscription["status"].string)
        try require(
            !hasEnded || names.isSubset(of: ["metadata", "cancellation_details", "expand"]),
            "A canceled subscription can only update its cancellation_details and metadata.")
        let ends = !names.isDisjoint(with: ["cancel_at", "cancel_at_period_end"])
        try require(
            !ends || subscription["schedule"] == .null,
            "The subscription is managed by the subscription schedule, and updating any cancelation behavior directly is not allowed.")
        let end = subscription["items"]["data"].elements.compactMap { $0["current_period_end"].number }.min().map(DoubleJSON.integer) ?? .null
        copy(parameters, into: &subscription)
        switch parameters["cancel_at_period_end"] {
        case .boolean(true): subscription["cancel_at"] = end
        case .boolean(false): subscription["cancel_at"] = .null
        default: break
        }
        if let word = parameters["cancel_at"].string { subscription["cancel_at"] = word.isEmpty ? .null : end }
        if ends { subscription["canceled_at"] = subscription["cancel_at"] == .null ? .null : place.seconds }
        // As Stripe: with `pending_if_incomplete` the change waits until its invoice is paid.
        let waits =
            parameters["payment_behavior"].string == "pending_if_incomplete" && subscription["default_payment_method"].string == Self.wantsOwner
        let items = try changed(subscription, parameters["items"].elements, place)
        if !waits { subscription["items"]["data"] = .list(items) }
        if parameters["proration_behavior"].string == "always_invoice", names.contains("items") {
            let invoice = self.invoice(for: subscription, isPaid: !waits, reason: "subscription_update", place)
            subscription["latest_invoice"] = invoice["id"]
            store(invoice, account: place.account)
        }
    }

    /// As Stripe: what names an item changes it, what names none is added.
    private mutating func changed(
        _ subscription: DoubleJSON, _ changes: [DoubleJSON], _ place: StripePlace
    ) throws(StripeRefusal) -> [DoubleJSON] {
        var items = subscription["items"]["data"].elements
        for change in changes {
            var price: DoubleJSON?
            if let id = change["price"].string { price = try find(id, account: place.account, parameter: "items[0][price]") }
            guard let id = change["id"].string else {
                guard let price else { throw .invalid("Missing required param: items[0][price].", parameter: "items[0][price]") }
                items.append(item(of: subscription["id"].string ?? "", price: price, quantity: change["quantity"].number ?? 1, place))
                continue
            }
            guard let index = items.firstIndex(where: { $0["id"].string == id }) else {
                throw .missing("subscription_item: '\(id)'", parameter: "items[0][id]")
            }
            if change["deleted"].truth {
                items.remove(at: index)
                continue
            }
            if let price {
                if price["recurring"] != items[index]["price"]["recurring"] {
                    // Another interval begins a period of its own.
                    let end = StripeTemplates.periodEnd(of: price, from: place.now)
                    items[index]["current_period_start"] = place.seconds
                    items[index]["current_period_end"] = .integer(Int64(end.timeIntervalSince1970))
                }
                items[index]["price"] = price
            }
            if let quantity = change["quantity"].number { items[index]["quantity"] = .integer(quantity) }
        }
        return items
    }

    /// Each phase begins where the one before it ends, as Stripe reckons them.
    private static func phases(_ given: [DoubleJSON]) -> [DoubleJSON] {
        var start = DoubleJSON.null
        return given.map { given in
            var phase = DoubleJSON.map(["start_date": start, "end_date": .null, "metadata": [:]]).merged(with: given)
            if let begins = phase["start_date"].number, phase["end_date"].number == nil, let count = phase["duration"]["interval_count"].number {
                let days: Int64 = phase["duration"]["interval"].string == "year" ? 365 : 30
                phase["end_date"] = .integer(begins + count * days * 86_400)
            }
            start = phase["end_date"]
            return phase
        }
    }

    private mutating func release(_ schedule: inout DoubleJSON, _ place: StripePlace) throws(StripeRefusal) {
        try require(
            ["active", "not_started"].contains(schedule["status"].string),
            "You cannot release a subscription schedule that is currently in the `\(schedule["status"].string ?? "")` status.")
        if let id = schedule["subscription"].string, var subscription = object(id, account: place.account) {
            subscription["schedule"] = .null
            store(subscription, account: place.account)
        }
        schedule["released_subscription"] = schedule["subscription"]
        schedule["subscription"] = .null
        schedule["status"] = "released"
        schedule["released_at"] = place.seconds
        schedule["current_phase"] = .null
    }

    private mutating func pay(_ invoice: inout DoubleJSON, _ place: StripePlace) throws(StripeRefusal) {
        try require(invoice["status"].string != "paid", "Invoice is already paid")
        try require(["open", "uncollectible"].contains(invoice["status"].string), "This invoice can no longer be paid")
        invoice["status"] = "paid"
        invoice["amount_paid"] = invoice["amount_due"]
        invoice["amount_remaining"] = 0
        invoice["next_payment_attempt"] = .null
        let id = invoice["parent"]["subscription_details"]["subscription"].string
        if let id, var subscription = object(id, account: place.account),
            ["past_due", "incomplete", "unpaid"].contains(subscription["status"].string)
        {
            subscription["status"] = "active"
            store(subscription, account: place.account)
        }
    }

    /// What a change would cost, as if half of the period were over.
    mutating func preview(_ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) -> DoubleJSON {
        guard let id = parameters["subscription"].string else {
            throw .invalid("The double previews changes of subscriptions only.", parameter: "subscription")
        }
        let subscription = try find(id, account: place.account, parameter: "subscription")
        let details = parameters["subscription_details"]
        let before = subscription["items"]["data"].elements
        let after = try changed(subscription, details["items"].elements, place)
        var lines: [DoubleJSON] = []
        if after != before, details["proration_behavior"].string != "none" {
            lines += before.map { StripeWorld.line(of: $0, amount: -StripeWorld.amount(of: $0) / 2, isProration: true) }
            lines += after.map { StripeWorld.line(of: $0, amount: StripeWorld.amount(of: $0) / 2, isProration: true) }
        }
        if details["proration_behavior"].string != "always_invoice" {
            lines += after.map { StripeWorld.line(of: $0, amount: StripeWorld.amount(of: $0), isProration: false) }
        }
        let total = lines.compactMap { $0["amount"].number }.reduce(0, +)
        var invoice = self.invoice(for: subscription, isPaid: false, reason: "upcoming", place)
        for name in ["subtotal", "total"] { invoice[name] = .integer(total) }
        for name in ["amount_due", "amount_remaining"] { invoice[name] = .integer(max(0, total)) }
        invoice["status"] = "draft"
        invoice["lines"]["data"] = .list(lines)
        return invoice
    }

    /// The person has paid: the session is complete, and what it was for is there.
    mutating func complete(checkout id: String, _ place: StripePlace) throws(StripeRefusal) -> String {
        var session = try find(id, account: place.account, parameter: "id", status: 404)
        try require(session["status"].string == "open", "The double completes open sessions only.")
        var customer = session["customer"].string ?? ""
        if customer.isEmpty {
            customer = identifier("cus_")
            store(StripeTemplates.object("customer", id: customer, at: place), account: place.account)
            session["customer"] = .text(customer)
        }
        let items = session["line_items"]["data"].elements
        let result: String
        if session["mode"].string == "subscription" {
            let subscription = try subscribe(
                customer: customer, prices: items, status: "active", metadata: .map(session["subscription_data"]["metadata"].members),
                trialEnd: nil, place)
            session["subscription"] = subscription["id"]
            session["invoice"] = subscription["latest_invoice"]
            result = subscription["id"].string ?? ""
        } else {
            result = identifier("pi_")
            var payment = StripeTemplates.object("payment_intent", id: result, at: place)
            var charge = StripeTemplates.object("charge", id: identifier("ch_"), at: place)
            for name in ["amount", "amount_received"] { payment[name] = session["amount_total"] }
            payment["status"] = "succeeded"
            payment["metadata"] = .map(session["payment_intent_data"]["metadata"].members)
            payment["latest_charge"] = charge["id"]
            charge["amount"] = session["amount_total"]
            charge["payment_intent"] = .text(result)
            for name in ["currency", "customer"] {
                payment[name] = session[name]
                charge[name] = session[name]
            }
            charge["metadata"] = payment["metadata"]
            store(payment, account: place.account)
            store(charge, account: place.account)
            session["payment_intent"] = .text(result)
        }
        session["status"] = "complete"
        session["payment_status"] = "paid"
        session["url"] = .null
        store(session, account: place.account)
        return result
    }
}
