import Contracts
import Foundation
import Primitives

/// Makes a change cost what its preview said: Stripe reckons by the second, and the token names the second.
///
/// Signed, for the tenant: whoever could choose the second could choose the price.
struct PreviewToken: Codable, Sendable, Equatable {
    /// For how long a preview holds.
    static let lifetime: TimeInterval = 15 * 60

    let subscription: String
    let plan: String
    let interval: BillingInterval
    /// Seconds since 1970.
    let prorationDate: Int64

    /// Whether it still holds.
    func isFresh(at now: Date) -> Bool {
        abs(now.timeIntervalSince1970 - Double(prorationDate)) < Self.lifetime
    }

    func sealed(for tenant: TenantID, _ keyring: Keyring) throws -> String {
        let body = try WireJSON.encoder().encode(self)
        let tag = try keyring.authenticate(body, purpose: Self.purpose(tenant))
        return "\(body.base64URL).\(tag)"
    }

    /// Nil for what is not ours.
    static func open(_ text: String, for tenant: TenantID, _ keyring: Keyring) -> PreviewToken? {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        guard text.utf8.count <= 1_000, parts.count == 2, let body = Data(base64URL: parts[0]),
            keyring.isAuthentic(parts[1], message: body, purpose: purpose(tenant))
        else { return nil }
        return try? WireJSON.decoder().decode(PreviewToken.self, from: body)
    }

    private static func purpose(_ tenant: TenantID) -> String { "billing.change.preview|\(tenant)" }
}
