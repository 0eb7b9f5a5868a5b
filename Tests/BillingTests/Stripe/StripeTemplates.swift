import Foundation

/// What Stripe's objects look like before anything is said of them, as far as Billing looks at them.
enum StripeTemplates {
    static func object(_ kind: String, id: String, at place: StripePlace) -> DoubleJSON {
        let common: DoubleJSON = [
            "id": .text(id), "object": .text(kind), "created": place.seconds, "livemode": false, "metadata": [:],
        ]
        return common.merged(with: own(kind, id: id, at: place))
    }

    private static func own(_ kind: String, id: String, at place: StripePlace) -> DoubleJSON {
        switch kind {
        case "product": ["active": true, "name": "", "description": .null, "images": [], "marketing_features": [], "type": "service"]
        case "price":
            [
                "active": true, "currency": "usd", "unit_amount": .null, "recurring": .null, "lookup_key": .null,
                "nickname": .null,
                "billing_scheme": "per_unit", "type": "one_time", "product": .null, "tax_behavior": "unspecified",
            ]
        case "customer":
            [
                "email": .null, "name": .null, "description": .null, "phone": .null, "currency": .null, "balance": 0, "delinquent": false,
                "invoice_settings": ["default_payment_method": .null],
            ]
        case "checkout.session":
            [
                "status": "open", "payment_status": "unpaid", "mode": .null, "ui_mode": "hosted_page", "url": .null, "client_secret": .null,
                "client_reference_id": .null, "customer": .null, "subscription": .null, "payment_intent": .null, "setup_intent": .null,
                "invoice": .null, "expires_at": place.after(86_400), "amount_total": .null, "amount_subtotal": .null, "currency": .null,
            ]
        case "subscription":
            [
                "status": "active", "customer": .null, "currency": "usd", "items": ["object": "list", "data": [], "has_more": false],
                "cancel_at": .null, "cancel_at_period_end": false, "canceled_at": .null, "ended_at": .null, "trial_start": .null,
                "trial_end": .null, "latest_invoice": .null, "schedule": .null, "default_payment_method": .null,
                "collection_method": "charge_automatically", "billing_mode": ["type": "flexible"], "start_date": place.seconds,
                "pause_collection": .null, "discounts": [],
            ]
        case "subscription_schedule":
            [
                "status": "active", "customer": .null, "subscription": .null, "released_subscription": .null, "released_at": .null,
                "canceled_at": .null, "completed_at": .null, "end_behavior": "release", "phases": [], "current_phase": .null,
                "billing_mode": ["type": "flexible"],
            ]
        case "invoice": invoice(id, at: place)
        case "payment_intent":
            [
                "status": "requires_payment_method", "amount": 0, "amount_received": 0, "currency": "usd", "customer": .null,
                "client_secret": "\(id)_secret_double", "latest_charge": .null, "payment_method": .null, "application_fee_amount": .null,
                "description": .null, "canceled_at": .null, "cancellation_reason": .null, "last_payment_error": .null, "invoice": .null,
            ]
        case "setup_intent":
            [
                "status": "requires_payment_method", "client_secret": "\(id)_secret_double", "customer": .null, "payment_method": .null,
                "usage": "off_session", "payment_method_types": ["card"],
            ]
        case "charge":
            [
                "status": "succeeded", "amount": 0, "amount_refunded": 0, "refunded": false, "disputed": false, "paid": true, "captured": true,
                "currency": "usd", "customer": .null, "payment_intent": .null, "receipt_url": "https://pay.stripe.com/receipts/\(id)",
                "failure_code": .null,
            ]
        case "dispute": ["status": "needs_response", "reason": "general", "amount": 0, "currency": "usd", "charge": .null, "payment_intent": .null]
        case "refund": ["status": "succeeded", "amount": 0, "currency": "usd", "charge": .null, "payment_intent": .null, "reason": .null]
        case "billing_portal.session": ["customer": .null, "return_url": .null, "url": "https://billing.stripe.com/p/session/\(id)"]
        case "account":
            [
                "country": "US", "email": .null, "default_currency": "usd", "details_submitted": false, "charges_enabled": false,
                "payouts_enabled": false, "capabilities": [:], "controller": [:],
                "requirements": [
                    "currently_due": ["business_profile.url", "external_account"], "past_due": [], "eventually_due": ["external_account"],
                    "pending_verification": [], "disabled_reason": "requirements.past_due", "current_deadline": .null,
                ],
            ]
        case "account_link":
            [
                "url": "https://connect.stripe.com/setup/\(id)",
                "expires_at": place.after(300),
            ]
        default: [:]
        }
    }

    private static func invoice(_ id: String, at place: StripePlace) -> DoubleJSON {
        [
            "status": "open", "customer": .null, "number": .text("DOUBLE-\(id.suffix(4))"), "billing_reason": "subscription_cycle",
            "amount_due": 0, "amount_paid": 0, "amount_remaining": 0, "subtotal": 0, "total": 0, "starting_balance": 0, "currency": "usd",
            "due_date": .null, "next_payment_attempt": .null, "attempt_count": 0, "attempted": false, "period_start": place.seconds,
            "period_end": place.seconds, "hosted_invoice_url": "https://invoice.stripe.com/i/\(id)",
            "invoice_pdf": "https://pay.stripe.com/invoice/\(id)/pdf", "parent": .null, "confirmation_secret": .null,
            "lines": ["object": "list", "data": [], "has_more": false], "collection_method": "charge_automatically",
        ]
    }

    /// The end of a period that begins at `start`.
    static func periodEnd(of price: DoubleJSON, from start: Date) -> Date {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let component: Calendar.Component = price["recurring"]["interval"].string == "year" ? .year : .month
        let number = Int(price["recurring"]["interval_count"].number ?? 1)
        return calendar.date(byAdding: component, value: number, to: start) ?? start
    }
}
