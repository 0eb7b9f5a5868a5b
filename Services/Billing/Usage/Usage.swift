import Contracts
import Foundation

/// How much there is of something that a plan limits.
struct ResourceUsage: Sendable, Equatable {
    let used: Int64
    let reserved: Int64
    /// When its owner last counted.
    let countedAt: Date?
}

/// Packs that were bought for a period.
struct PackUsage: Encodable, Sendable, Equatable {
    let count: Int
    let mails: Int64
}

/// One limit as a tenant sees it; a limit or a percentage that is null means that there is no limit.
struct LimitAnswer: Encodable, Sendable, Equatable {
    let used: Int64
    let reserved: Int64
    let limit: Int64?
    let percent: Int?
    /// What will be used by the period's end: mails when it goes on like this; what is had, such as users, does not end with a period and stays.
    /// Nil while the period is too young to say.
    let forecastAtPeriodEnd: Int64?
    /// Mails only: what was bought beyond the plan; the limit holds it.
    let packs: PackUsage?

    init(used: Int64, reserved: Int64, limit: Int64?, forecastAtPeriodEnd: Int64?, packs: PackUsage? = nil) {
        self.used = used
        self.reserved = reserved
        self.limit = limit
        self.forecastAtPeriodEnd = forecastAtPeriodEnd
        self.packs = packs
        percent = UsageMeter.percent(used + reserved, of: limit)
    }

    private enum CodingKeys: String, CodingKey { case used, reserved, limit, percent, forecastAtPeriodEnd, packs }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(used, forKey: .used)
        try container.encode(reserved, forKey: .reserved)
        try container.encode(limit, forKey: .limit)
        try container.encode(percent, forKey: .percent)
        try container.encodeIfPresent(forecastAtPeriodEnd, forKey: .forecastAtPeriodEnd)
        try container.encodeIfPresent(packs, forKey: .packs)
    }
}

/// What a tenant has used of everything that its plan limits.
struct UsageAnswer: Encodable, Sendable {
    struct Period: Encodable, Sendable {
        let start: Date
        let end: Date
    }

    struct Rate: Encodable, Sendable {
        let limit: Int64?

        private enum CodingKeys: String, CodingKey { case limit }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(limit, forKey: .limit)
        }
    }

    struct Warning: Encodable, Sendable, Equatable {
        let limit: String
        /// 80, 90 or 100.
        let level: Int
    }

    let plan: String
    let period: Period
    let mails: LimitAnswer
    let users: LimitAnswer
    let workspaces: LimitAnswer
    let domains: LimitAnswer
    let mailboxes: LimitAnswer
    let leads: LimitAnswer
    let apiCallsPerMinute: Rate
    let warnings: [Warning]
    let asOf: Date

    init(_ standing: Standing, resources: [BillingRPC.Resource: ResourceUsage], packs: PackUsage, now: Date) {
        let limits = standing.limits
        func answer(_ resource: BillingRPC.Resource) -> LimitAnswer {
            let (used, reserved) = (resources[resource]?.used ?? 0, resources[resource]?.reserved ?? 0)
            return LimitAnswer(used: used, reserved: reserved, limit: limits[resource], forecastAtPeriodEnd: used + reserved)
        }
        let mails = LimitAnswer(
            used: standing.used, reserved: standing.reserved, limit: standing.allowance >= PlanLimits.unlimitedMails ? nil : standing.allowance,
            forecastAtPeriodEnd: UsageMeter.forecast(taken: standing.used + standing.reserved, period: standing.period, now: now), packs: packs)
        plan = standing.plan.code
        period = Period(start: standing.period.start, end: standing.period.end)
        self.mails = mails
        users = answer(.users)
        workspaces = answer(.workspaces)
        domains = answer(.domains)
        mailboxes = answer(.mailboxes)
        leads = answer(.leads)
        apiCallsPerMinute = Rate(limit: limits.apiCallsPerMinute)
        let counted: [(name: String, percent: Int?)] =
            [("mails", mails.percent)] + BillingRPC.Resource.allCases.map { ($0.rawValue, answer($0).percent) }
        warnings = counted.compactMap { limit in UsageMeter.warning(limit.percent).map { Warning(limit: limit.name, level: $0) } }
        asOf = now
    }
}
