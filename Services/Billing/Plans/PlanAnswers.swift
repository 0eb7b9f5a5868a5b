import Foundation
import HTTP

/// An amount as clients read it: a number to reckon with, and a text to show.
struct MoneyAnswer: Encodable, Sendable, Equatable {
    /// In the currency's smallest unit.
    let amount: Int64
    let currency: String
    /// Such as `49.00 USD`; nil for a currency that we do not know, since a guess could be wrong by a hundred.
    let formatted: String?

    init(_ money: Money) {
        amount = money.amount
        currency = money.currency
        formatted = money.decimal.map { "\($0) \(money.currency)" }
    }
}

/// A plan with what it costs, as everybody may read it.
struct PlanAnswer: Encodable, Sendable {
    struct Price: Encodable, Sendable {
        let interval: BillingInterval
        let price: MoneyAnswer
    }

    let plan: Plan
    /// None: the plan is by agreement.
    let prices: [Price]

    private enum CodingKeys: String, CodingKey { case prices }

    init(_ plan: Plan, prices: [PlanPrice]) {
        self.plan = plan
        self.prices = prices.map { Price(interval: $0.interval, price: MoneyAnswer($0.money)) }
    }

    /// The plan's own members, and the prices beside them.
    func encode(to encoder: any Encoder) throws {
        try plan.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(prices, forKey: .prices)
    }
}

struct PackAnswer: Encodable, Sendable {
    let code: String
    let mails: Int64
    let price: MoneyAnswer

    init(_ pack: MailPack) {
        code = pack.code
        mails = pack.mails
        price = MoneyAnswer(pack.money)
    }
}

/// The whole catalogue: one page of plans, and the packs beside it.
struct CatalogueAnswer: Encodable, Sendable {
    let plans: Page<PlanAnswer>
    let packs: [PackAnswer]

    private enum CodingKeys: String, CodingKey { case packs }

    init(plans: [Plan], prices: [PlanPrice], packs: [MailPack]) {
        let priced = Dictionary(grouping: prices, by: \.plan)
        let answers = plans.map { PlanAnswer($0, prices: priced[$0.code] ?? []) }
        self.plans = Page(answers, limit: max(1, answers.count)) { $0.plan.code }
        self.packs = packs.map(PackAnswer.init)
    }

    func encode(to encoder: any Encoder) throws {
        try plans.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(packs, forKey: .packs)
    }
}
