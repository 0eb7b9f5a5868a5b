import Foundation

/// Whoever pays; ours is a tenant.
struct StripeCustomer: Decodable, Sendable, Equatable {
    let id: String
    let email: String?
    let name: String?
    let currency: String?
    let delinquent: Bool?
    let deleted: Bool?
    let created: Date?
    let metadata: [String: String]?
}
