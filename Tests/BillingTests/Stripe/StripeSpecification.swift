/// What each operation takes, transcribed from Stripe's own specification: `stripe-2026-08-26.dahlia.json` (MIT, Stripe, Inc.), which is derived
/// from Stripe's official Python SDK 15.6.2. Written by a script that walked the request schemas of the operations in `StripeOperation`.
///
/// A name is followed by `!` where it is required and `~` where empty text unsets it, then by its shape: `#` an integer, `?` true or false,
/// `%` a decimal, `=a|b` one of these words, `[]` a list of what follows, `{…}` members, `{*}` members of any name, `{…}|` members or one
/// value; nothing means text. Left out, and so refused, is what Billing has no use for: add_invoice_items, amount_details, billing_schedules,
/// branding_settings, cash_balance, company, custom_fields, custom_text, customer_details, default_price_data, documents, external_account,
/// hooks, individual, invoice_items, managed_payments, mandate_data, optional_items, package_dimensions, payment_details, payment_method_data,
/// payment_method_options, radar_options, shipping, shipping_options, tiers, wallet_options; and all capabilities but two.
enum StripeSpecification {
    static let version = "2026-08-26.dahlia"

    static let operations: [String: String] = [
        "POST /v1/products":
            """
        active? description expand[] id images[] marketing_features[]{name!} metadata{*} name! shippable? statement_descriptor tax_code
        type=good|service unit_label url
        """,
        "GET /v1/products/{id}": "expand[]",
        "POST /v1/products/{id}":
            """
        active? default_price description~ expand[] images~[] marketing_features~[]{name!} metadata~{*} name shippable? statement_descriptor
        tax_code~ unit_label~ url~
        """,
        "GET /v1/products":
            """
        active? created{gt# gte# lt# lte#}| ending_before expand[] ids[] limit# shippable? starting_after type=good|service url
        """,
        "POST /v1/prices":
            """
        active? billing_scheme=per_unit|tiered currency! currency_options{*} custom_unit_amount{enabled!? maximum# minimum# preset#} expand[]
        lookup_key metadata{*} nickname product product_data{active? id metadata{*} name! statement_descriptor tax_code unit_label}
        recurring{interval!=day|month|week|year interval_count# meter trial_period_days# usage_type=licensed|metered}
        tax_behavior=exclusive|inclusive|unspecified tiers_mode=graduated|volume transfer_lookup_key? transform_quantity{divide_by!#
        round!=down|up} unit_amount# unit_amount_decimal
        """,
        "GET /v1/prices/{id}": "expand[]",
        "POST /v1/prices/{id}":
            """
        active? currency_options~{*} expand[] lookup_key metadata~{*} nickname tax_behavior=exclusive|inclusive|unspecified transfer_lookup_key?
        """,
        "GET /v1/prices":
            """
        active? created{gt# gte# lt# lte#}| currency ending_before expand[] limit# lookup_keys[] product recurring{interval=day|month|week|year
        meter usage_type=licensed|metered} starting_after type=one_time|recurring
        """,
        "POST /v1/customers":
            """
        address~{city country line1 line2 postal_code state} balance# business_name~ description email expand[] individual_name~ invoice_prefix
        invoice_settings{default_payment_method footer rendering_options~{amount_tax_display~=exclude_tax|include_inclusive_tax template}}
        metadata~{*} name next_invoice_sequence# payment_method phone preferred_locales[] source tax{ip_address~
        validate_location=deferred|immediately} tax_exempt~=exempt|none|reverse tax_id_data[]{type! value!} test_clock validate?
        """,
        "GET /v1/customers/{id}": "expand[]",
        "POST /v1/customers/{id}":
            """
        address~{city country line1 line2 postal_code state} balance# business_name~ default_source description email expand[] individual_name~
        invoice_prefix invoice_settings{default_payment_method footer rendering_options~{amount_tax_display~=exclude_tax|include_inclusive_tax
        template}} metadata~{*} name next_invoice_sequence# phone preferred_locales[] source tax{ip_address~
        validate_location=auto|deferred|immediately} tax_exempt~=exempt|none|reverse validate?
        """,
        "GET /v1/customers": "created{gt# gte# lt# lte#}| email ending_before expand[] limit# starting_after test_clock",
        "GET /v1/customers/search": "expand[] limit# page query!",
        "POST /v1/checkout/sessions":
            """
        adaptive_pricing{enabled?} after_expiration{recovery{allow_promotion_codes? enabled!?}} allow_promotion_codes? automatic_tax{enabled!?
        liability{account type!=account|self}} billing_address_collection=auto|required cancel_url client_reference_id
        consent_collection{payment_method_reuse_agreement{position!=auto|hidden} promotions=auto|none terms_of_service=none|required} currency
        customer customer_account customer_creation=always|if_required customer_email customer_update{address=auto|never name=auto|never}
        discounts[]{coupon promotion_code} excluded_payment_method_types[] expand[] expires_at# integration_identifier
        invoice_creation{enabled!? invoice_data{account_tax_ids~[] description footer issuer{account type!=account|self} metadata{*}
        rendering_options~{amount_tax_display~=exclude_tax|include_inclusive_tax template}}} line_items[]{adjustable_quantity{enabled!? maximum#
        minimum#} metadata{*} price price_data{currency! product product_data{description images[] metadata{*} name! tax_code unit_label}
        recurring{interval!=day|month|week|year interval_count#} tax_behavior=exclusive|inclusive|unspecified unit_amount# unit_amount_decimal}
        quantity# tax_rates[]} locale metadata{*} mode=payment|setup|subscription name_collection{business{enabled!? optional?}}
        origin_context=mobile_app|web payment_intent_data{application_fee_amount# capture_method=automatic|automatic_async|manual description
        metadata{*} on_behalf_of receipt_email setup_future_usage=off_session|on_session statement_descriptor statement_descriptor_suffix
        transfer_data{amount# destination!} transfer_group} payment_method_collection=always|if_required payment_method_configuration
        payment_method_types[] permissions{update_shipping_details=client_only|server_only} phone_number_collection{enabled!?}
        redirect_on_completion=always|if_required|never return_url
        saved_payment_method_options{allow_redisplay_filters[]=always|limited|unspecified payment_method_remove=disabled|enabled
        payment_method_save=disabled|enabled} setup_intent_data{description metadata{*} on_behalf_of}
        shipping_address_collection{allowed_countries![]} submit_type=auto|book|donate|pay|subscribe subscription_data{application_fee_percent%
        billing_cycle_anchor# billing_cycle_anchor_config{day_of_month!# hour# minute# month# second#}
        billing_mode{flexible{proration_discounts=included|itemized} type!=classic|flexible} default_tax_rates[] description
        invoice_settings{issuer{account type!=account|self}} metadata{*} on_behalf_of
        pending_invoice_item_interval{interval!=day|month|week|year interval_count#} proration_behavior=create_prorations|none
        transfer_data{amount_percent% destination!} trial_end# trial_period_days#
        trial_settings{end_behavior!{missing_payment_method!=cancel|create_invoice|pause}}} success_url tax_id_collection{enabled!?
        required=if_supported|never} ui_mode=elements|embedded_page|form|hosted_page
        """,
        "GET /v1/checkout/sessions/{id}": "expand[]",
        "GET /v1/checkout/sessions":
            """
        created{gt# gte# lt# lte#}| customer customer_account ending_before expand[] limit# payment_intent payment_link starting_after
        status=complete|expired|open subscription
        """,
        "POST /v1/checkout/sessions/{id}/expire": "expand[]",
        "GET /v1/subscriptions/{id}": "expand[]",
        "GET /v1/subscriptions":
            """
        automatic_tax{enabled!?} collection_method=charge_automatically|send_invoice created{gt# gte# lt# lte#}| current_period_end{gt# gte# lt#
        lte#}| current_period_start{gt# gte# lt# lte#}| customer customer_account ending_before expand[] limit# plan price starting_after
        status=active|all|canceled|ended|incomplete|incomplete_expired|past_due|paused|trialing|unpaid test_clock
        """,
        "POST /v1/subscriptions/{id}":
            """
        application_fee_percent~% automatic_tax{enabled!? liability{account type!=account|self}} billing_cycle_anchor=now|unchanged
        billing_thresholds~{amount_gte# reset_billing_cycle_anchor?} cancel_at~#=max_billed_until|max_period_end|min_period_end
        cancel_at_period_end? cancellation_details{comment~
        feedback~=customer_service|low_quality|missing_features|other|switched_service|too_complex|too_expensive|unused feedback_option}
        collection_method=charge_automatically|send_invoice days_until_due# default_payment_method default_source~ default_tax_rates~[]
        description~ discounts~[]{coupon discount promotion_code} expand[] invoice_settings{account_tax_ids~[] description~ footer~
        issuer{account type!=account|self}} items[]{billing_thresholds~{usage_gte!#} clear_usage? deleted? discounts~[]{coupon discount
        promotion_code} id metadata~{*} plan price price_data{currency! product! recurring!{interval!=day|month|week|year interval_count#}
        tax_behavior=exclusive|inclusive|unspecified unit_amount# unit_amount_decimal} quantity# tax_rates~[]} metadata~{*} off_session?
        on_behalf_of~ pause_collection~{behavior!=keep_as_draft|mark_uncollectible|void resumes_at#}
        payment_behavior=allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete payment_settings{payment_method_types~[]
        save_default_payment_method=off|on_subscription} pending_invoice_item_interval~{interval!=day|month|week|year interval_count#}
        proration_behavior=always_invoice|create_prorations|none proration_date# transfer_data~{amount_percent% destination!} trial_end#=now
        trial_from_plan? trial_settings{end_behavior!{missing_payment_method!=cancel|create_invoice|pause}}
        """,
        "DELETE /v1/subscriptions/{id}":
            """
        cancellation_details{comment~
        feedback~=customer_service|low_quality|missing_features|other|switched_service|too_complex|too_expensive|unused feedback_option}
        expand[] invoice_now? prorate?
        """,
        "POST /v1/subscription_schedules":
            """
        billing_mode{flexible{proration_discounts=included|itemized} type!=classic|flexible} customer customer_account
        default_settings{application_fee_percent% automatic_tax{enabled!? liability{account type!=account|self}}
        billing_cycle_anchor=automatic|phase_start billing_thresholds~{amount_gte# reset_billing_cycle_anchor?}
        collection_method=charge_automatically|send_invoice default_payment_method description~ invoice_settings{account_tax_ids~[]
        days_until_due# description~ footer~ issuer{account type!=account|self}} on_behalf_of~ transfer_data~{amount_percent% destination!}}
        end_behavior=cancel|none|release|renew expand[] from_subscription metadata~{*} phases[]{application_fee_percent% automatic_tax{enabled!?
        liability{account type!=account|self}} billing_cycle_anchor=automatic|phase_start billing_thresholds~{amount_gte#
        reset_billing_cycle_anchor?} collection_method=charge_automatically|send_invoice currency default_payment_method default_tax_rates~[]
        description~ discounts~[]{coupon discount promotion_code} duration{interval!=day|month|week|year interval_count#} end_date#
        invoice_settings{account_tax_ids~[] days_until_due# description~ footer~ issuer{account type!=account|self}}
        items![]{billing_thresholds~{usage_gte!#} discounts~[]{coupon discount promotion_code} metadata{*} plan price price_data{currency!
        product! recurring!{interval!=day|month|week|year interval_count#} tax_behavior=exclusive|inclusive|unspecified unit_amount#
        unit_amount_decimal} quantity# tax_rates~[]} metadata{*} on_behalf_of proration_behavior=always_invoice|create_prorations|none
        transfer_data{amount_percent% destination!} trial? trial_end#} start_date#=now
        """,
        "GET /v1/subscription_schedules/{id}": "expand[]",
        "POST /v1/subscription_schedules/{id}":
            """
        default_settings{application_fee_percent% automatic_tax{enabled!? liability{account type!=account|self}}
        billing_cycle_anchor=automatic|phase_start billing_thresholds~{amount_gte# reset_billing_cycle_anchor?}
        collection_method=charge_automatically|send_invoice default_payment_method description~ invoice_settings{account_tax_ids~[]
        days_until_due# description~ footer~ issuer{account type!=account|self}} on_behalf_of~ transfer_data~{amount_percent% destination!}}
        end_behavior=cancel|none|release|renew expand[] metadata~{*} phases[]{application_fee_percent% automatic_tax{enabled!? liability{account
        type!=account|self}} billing_cycle_anchor=automatic|phase_start billing_thresholds~{amount_gte# reset_billing_cycle_anchor?}
        collection_method=charge_automatically|send_invoice currency default_payment_method default_tax_rates~[] description~
        discounts~[]{coupon discount promotion_code} duration{interval!=day|month|week|year interval_count#} end_date#=now
        invoice_settings{account_tax_ids~[] days_until_due# description~ footer~ issuer{account type!=account|self}}
        items![]{billing_thresholds~{usage_gte!#} discounts~[]{coupon discount promotion_code} metadata{*} plan price price_data{currency!
        product! recurring!{interval!=day|month|week|year interval_count#} tax_behavior=exclusive|inclusive|unspecified unit_amount#
        unit_amount_decimal} quantity# tax_rates~[]} metadata{*} on_behalf_of proration_behavior=always_invoice|create_prorations|none
        start_date#=now transfer_data{amount_percent% destination!} trial? trial_end#=now}
        proration_behavior=always_invoice|create_prorations|none
        """,
        "POST /v1/subscription_schedules/{id}/release": "expand[] preserve_cancel_date?",
        "POST /v1/invoices/create_preview":
            """
        automatic_tax{enabled!? liability{account type!=account|self}} currency customer customer_account discounts~[]{coupon discount
        promotion_code} expand[] issuer{account type!=account|self} on_behalf_of~ preview_mode=next|recurring schedule
        schedule_details{billing_mode{flexible{proration_discounts=included|itemized} type!=classic|flexible} end_behavior=cancel|release
        phases[]{application_fee_percent% automatic_tax{enabled!? liability{account type!=account|self}}
        billing_cycle_anchor=automatic|phase_start billing_thresholds~{amount_gte# reset_billing_cycle_anchor?}
        collection_method=charge_automatically|send_invoice currency default_payment_method default_tax_rates~[] description~
        discounts~[]{coupon discount promotion_code} duration{interval!=day|month|week|year interval_count#} end_date#=now
        invoice_settings{account_tax_ids~[] days_until_due# issuer{account type!=account|self}} items![]{billing_thresholds~{usage_gte!#}
        discounts~[]{coupon discount promotion_code} metadata{*} plan price price_data{currency! product!
        recurring!{interval!=day|month|week|year interval_count#} tax_behavior=exclusive|inclusive|unspecified unit_amount# unit_amount_decimal}
        quantity# tax_rates~[]} metadata{*} on_behalf_of proration_behavior=always_invoice|create_prorations|none start_date#=now
        transfer_data{amount_percent% destination!} trial? trial_end#=now} proration_behavior=always_invoice|create_prorations|none}
        subscription subscription_details{billing_cycle_anchor#=now|unchanged billing_mode{flexible{proration_discounts=included|itemized}
        type!=classic|flexible} cancel_at~#=max_billed_until|max_period_end|min_period_end cancel_at_period_end? cancel_now?
        default_tax_rates~[] items[]{billing_thresholds~{usage_gte!#} clear_usage? deleted? discounts~[]{coupon discount promotion_code} id
        metadata~{*} plan price price_data{currency! product! recurring!{interval!=day|month|week|year interval_count#}
        tax_behavior=exclusive|inclusive|unspecified unit_amount# unit_amount_decimal} quantity# tax_rates~[]} metadata~{*}
        proration_behavior=always_invoice|create_prorations|none proration_date# resume_at=now start_date# trial_end#=now}
        """,
        "GET /v1/invoices/{id}": "expand[]",
        "GET /v1/invoices":
            """
        collection_method=charge_automatically|send_invoice created{gt# gte# lt# lte#}| customer customer_account due_date{gt# gte# lt# lte#}|
        ending_before expand[] limit# starting_after status=draft|open|paid|uncollectible|void subscription
        """,
        "POST /v1/invoices/{id}/pay": "expand[] forgive? mandate~ off_session? paid_out_of_band? payment_method source",
        "POST /v1/payment_intents":
            """
        allowed_payment_method_types[] amount!# application_fee_amount# automatic_payment_methods{allow_redirects=always|never enabled!?}
        capture_method=automatic|automatic_async|manual confirm? confirmation_method=automatic|manual confirmation_token currency! customer
        customer_account description error_on_requires_action? excluded_payment_method_types[] expand[] mandate metadata{*}
        off_session?=one_off|recurring on_behalf_of payment_method payment_method_configuration payment_method_types[] receipt_email return_url
        setup_future_usage=off_session|on_session statement_descriptor statement_descriptor_suffix transfer_data{amount# description
        destination! metadata~{*} payment_data{description metadata~{*}}} transfer_group use_stripe_sdk?
        """,
        "GET /v1/payment_intents/{id}": "client_secret expand[]",
        "GET /v1/payment_intents": "created{gt# gte# lt# lte#}| customer customer_account ending_before expand[] limit# starting_after",
        "POST /v1/payment_intents/{id}/cancel": "cancellation_reason=abandoned|duplicate|fraudulent|requested_by_customer expand[]",
        "POST /v1/setup_intents":
            """
        allowed_payment_method_types[] attach_to_self? automatic_payment_methods{allow_redirects=always|never enabled!?} confirm?
        confirmation_token customer customer_account description excluded_payment_method_types[] expand[] flow_directions[]=inbound|outbound
        metadata{*} on_behalf_of payment_method payment_method_configuration payment_method_types[] return_url single_use{amount!# currency!}
        usage=off_session|on_session use_stripe_sdk?
        """,
        "GET /v1/setup_intents/{id}": "client_secret expand[]",
        "GET /v1/charges/{id}": "expand[]",
        "GET /v1/charges":
            """
        created{gt# gte# lt# lte#}| customer ending_before expand[] limit# payment_intent starting_after transfer_group
        """,
        "GET /v1/disputes/{id}": "expand[]",
        "POST /v1/billing_portal/sessions":
            """
        configuration customer customer_account expand[] flow_data{after_completion{hosted_confirmation{custom_message} redirect{return_url!}
        type!=hosted_confirmation|portal_homepage|redirect} subscription_cancel{retention{coupon_offer!{coupon!} type!=coupon_offer}
        subscription!} subscription_update{subscription!} subscription_update_confirm{discounts[]{coupon promotion_code} items![]{id! price
        quantity#} subscription!}
        type!=customer_update|payment_method_update|subscription_cancel|subscription_update|subscription_update_confirm} locale on_behalf_of
        return_url
        """,
        "POST /v1/accounts":
            """
        account_token business_profile{annual_revenue{amount!# currency! fiscal_year_end!} estimated_worker_count# mcc
        minority_owned_business_designation[]
        monthly_estimated_revenue{amount!# currency!} name product_description support_address{city country line1 line2 postal_code state}
        support_email support_phone support_url~ url} business_type=company|government_entity|individual|non_profit
        capabilities{card_payments{requested?} transfers{requested?}} controller{fees{payer=account|application}
        losses{payments=application|stripe} requirement_collection=application|stripe stripe_dashboard{type=express|full|none}} country
        default_currency email expand[] groups{payments_pricing~} metadata~{*} settings{bacs_debit_payments{display_name} branding{icon logo
        primary_color secondary_color} card_issuing{tos_acceptance{date# ip user_agent~}} card_payments{decline_on{avs_failure? cvc_failure?}
        statement_descriptor_prefix statement_descriptor_prefix_kana~ statement_descriptor_prefix_kanji~}
        invoices{hosted_payment_method_save=always|never|offer} payments{statement_descriptor statement_descriptor_kana
        statement_descriptor_kanji} payouts{debit_negative_balances? schedule{delay_days#=minimum interval=daily|manual|monthly|weekly
        monthly_anchor# monthly_payout_days[]# weekly_anchor=friday|monday|saturday|sunday|thursday|tuesday|wednesday
        weekly_payout_days[]=friday|monday|thursday|tuesday|wednesday} statement_descriptor} treasury{tos_acceptance{date# ip user_agent~}}}
        tos_acceptance{date# ip service_agreement user_agent} type=custom|express|standard
        """,
        "GET /v1/accounts/{id}": "expand[]",
        "POST /v1/account_links":
            """
        account! collect=currently_due|eventually_due collection_options{fields=currently_due|eventually_due future_requirements=include|omit}
        expand[] refresh_url return_url type!=account_onboarding|account_update
        """,
        "GET /v1/events/{id}": "expand[]",
        "GET /v1/events": "created{gt# gte# lt# lte#}| delivery_success? ending_before expand[] limit# starting_after type types[]",
    ]
}
