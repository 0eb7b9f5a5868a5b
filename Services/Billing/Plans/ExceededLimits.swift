import Contracts

/// Something that a tenant has more of than a plan allows.
struct ExceededLimit: Codable, Sendable, Equatable {
    let limit: String
    let used: Int64
    let allowed: Int64
}

extension PlanLimits {
    /// Nil is unlimited.
    subscript(resource: BillingRPC.Resource) -> Int64? {
        switch resource {
        case .users: users
        case .workspaces: workspaces
        case .domains: domains
        case .mailboxes: mailboxes
        case .leads: leads
        default: nil
        }
    }

    /// Where a tenant that has this much would be over. Mails are not among them: a new period begins with none used.
    func exceeded(by counts: [BillingRPC.Resource: ResourceUsage]) -> [ExceededLimit] {
        BillingRPC.Resource.allCases.compactMap { resource in
            let taken = counts[resource].map { $0.used + $0.reserved } ?? 0
            guard let limit = self[resource], taken > limit else { return nil }
            return ExceededLimit(limit: resource.rawValue, used: taken, allowed: limit)
        }
    }
}
