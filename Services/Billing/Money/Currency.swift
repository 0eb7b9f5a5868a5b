/// How many decimals a currency has: ISO 4217, with Stripe's own ways of counting where they differ.
enum Currency {
    /// Nil for a code that is no currency one pays in; the case does not matter.
    static func exponent(of code: String) -> Int? {
        let code = code.uppercased()
        return differentAtStripe[code] ?? standard[code]
    }

    /// Every code that has decimals or is known to have none, in order.
    static let all = standard.keys.sorted()

    /// Where an amount in Stripe's API is not in ISO 4217's minor unit (docs.stripe.com/currencies, "Zero-decimal currencies" and "Special
    /// cases"). Króna and Uganda shilling have no decimals any more and are still sent with two, which must be 00; the ariary's fifths are
    /// not counted. Forint and Taiwan dollar have two everywhere but in payouts. Of three decimals the last must be 0 when a card is charged.
    static let differentAtStripe = ["ISK": 2, "UGX": 2, "MGA": 0]

    /// The minor units of ISO 4217, list one, without what nobody pays in (metals, funds' units, tests), and with the last withdrawn ones,
    /// which stand on old invoices.
    static let standard: [String: Int] = {
        var table: [String: Int] = [:]
        for (exponent, codes) in byExponent {
            for code in codes.split(whereSeparator: \.isWhitespace) { table[String(code)] = exponent }
        }
        return table
    }()

    private static let byExponent: [(Int, String)] = [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (
            2,
            """
            AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP
            CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD
            KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR
            PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU
            UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
            """
        ),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
        // Withdrawn since 2022.
        (2, "ANG BGN CUC HRK SLL ZWL"),
    ]
}
