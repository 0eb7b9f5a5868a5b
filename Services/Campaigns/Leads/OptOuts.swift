import Contracts
import RPC

/// Tells Delivery, before anything is committed here, who asked by hand not to be written to: what is lost in between forbids too much, never
/// too little.
struct OptOuts: Sendable {
    private static let batch = 500

    let delivery: RPCClient

    func suppress(_ addresses: [String], of tenant: TenantID, by actor: String) async throws {
        for start in stride(from: 0, to: addresses.count, by: Self.batch) {
            let part = Array(addresses[start..<min(start + Self.batch, addresses.count)])
            _ = try await delivery.call(
                DeliveryRPC.SuppressRecipients(tenant: tenant, addresses: part, reason: "unsubscribed", source: actor))
        }
    }
}
