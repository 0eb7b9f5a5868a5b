import Contracts
import Foundation
import Logging
import Postgres
import RPC
import ServiceLifecycle

/// Tells Billing how much of each reservation was used and released, in totals, until it has heard.
struct Settlement: Service {
    let database: Database
    let billing: RPCClient
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let settled = try await settleOnce()
                    if settled == 0 { try await Task.sleep(for: .milliseconds(500)) }
                } catch is CancellationError {
                    return
                } catch {
                    logger.debug("settlement interrupted", metadata: ["error": "\(error)"])
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// How many reservations were brought up to date.
    func settleOnce() async throws -> Int {
        let open = try await SettlementStore.open(limit: 100, in: database)
        for settlement in open {
            do throws(RPCError) {
                if settlement.used > 0 {
                    _ = try await billing.call(
                        BillingRPC.ConfirmMail(tenant: settlement.tenant, reservation: settlement.reservation, used: settlement.used))
                }
                if settlement.released > 0 {
                    _ = try await billing.call(
                        BillingRPC.ReleaseMail(tenant: settlement.tenant, reservation: settlement.reservation, released: settlement.released))
                }
            } catch {
                // Billing will never take these totals: say so once, and do not ask for ever. Anything else is asked again.
                guard error.kind == "reservation_not_found" || error.kind == "reservation_overdrawn" else { throw error }
                logger.error(
                    "reservation cannot be settled", metadata: ["reservation": "\(settlement.reservation)", "error": "\(error)"])
            }
            try await SettlementStore.markSettled(settlement, in: database)
        }
        return open.count
    }
}
