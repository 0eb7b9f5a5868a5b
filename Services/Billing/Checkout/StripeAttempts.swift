import Contracts
import Foundation
import Postgres
import Primitives

/// Idempotency keys for what may be asked for again later.
///
/// The key holds a number that only an answer raises: whoever comes while there is none, or after it was lost, asks under the same key and gets
/// the same effect; whoever comes after an answer, a refusal included, begins anew.
struct StripeAttempts: Sendable {
    /// Stripe forgets a key after a day at the earliest: before that a fresh one is begun.
    static let lifetime: TimeInterval = 23 * 3_600

    let database: Database
    let clock: WallClock

    /// Runs `work` with the key of the attempt that is under way; `purpose` names what is acted on.
    func once<Value: Sendable>(
        _ purpose: String, of tenant: TenantID, _ work: (_ key: String) async throws -> Value
    ) async throws -> Value {
        let number = try await begin(purpose, of: tenant)
        do {
            let value = try await work("\(purpose):\(number)")
            try await settle(purpose, number, of: tenant)
            return value
        } catch let error as StripeError {
            // Stripe keeps refusals under the key, too: under the same one, a better card would be declined like the first.
            if !error.isTransient { try await settle(purpose, number, of: tenant) }
            throw error
        }
    }

    private func begin(_ purpose: String, of tenant: TenantID) async throws -> Int64 {
        let now = clock.now
        let oldest = now.addingTimeInterval(-Self.lifetime)
        return try await database.query(
            """
            insert into stripe_attempts as a (tenant_id, purpose, begun_at) values (\(tenant), \(purpose), \(now))
            on conflict (tenant_id, purpose) do update set
                number = a.number + case when a.begun_at < \(oldest) then 1 else 0 end,
                begun_at = case when a.begun_at >= \(oldest) then a.begun_at else \(now) end
            returning number
            """)[0].decode("number")
    }

    private func settle(_ purpose: String, _ number: Int64, of tenant: TenantID) async throws {
        try await database.query(
            """
            update stripe_attempts set number = number + 1, begun_at = null
            where tenant_id = \(tenant) and purpose = \(purpose) and number = \(number)
            """)
    }
}
