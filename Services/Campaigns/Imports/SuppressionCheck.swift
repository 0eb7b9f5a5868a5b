import Contracts
import Foundation
import Logging
import Primitives
import RPC

/// Asks Delivery who must not be mailed, so that a lead shows it from its first day. Delivery asks itself again before each mail, so an import does
/// not wait for it: without an answer leads are taken in as active, and for half a minute nothing more is asked.
struct SuppressionCheck: Sendable {
    private static let batch = 500
    private static let pause: TimeInterval = 30

    private let delivery: RPCClient
    private let clock: WallClock
    private let logger: Logger
    private var silentUntil = Date.distantPast

    init(delivery: RPCClient, clock: WallClock, logger: Logger) {
        self.delivery = delivery
        self.clock = clock
        self.logger = logger
    }

    /// Those of the addresses that are suppressed for the workspace, as far as Delivery answers.
    mutating func find(_ addresses: [String], of tenant: TenantID, workspace: WorkspaceID) async -> Set<String> {
        guard !addresses.isEmpty, clock.now >= silentUntil else { return [] }
        let answers = await ask(addresses, of: tenant, workspace: workspace)
        if answers.contains(where: { $0 == nil }) { silentUntil = clock.now.addingTimeInterval(Self.pause) }
        return Set(answers.compactMap { $0 }.joined())
    }

    /// One answer a few hundred addresses, nil where there was none.
    private func ask(_ addresses: [String], of tenant: TenantID, workspace: WorkspaceID) async -> [[String]?] {
        let (delivery, logger) = (delivery, logger)
        return await withTaskGroup(of: [String]?.self, returning: [[String]?].self) { group in
            for start in stride(from: 0, to: addresses.count, by: Self.batch) {
                let part = Array(addresses[start..<min(addresses.count, start + Self.batch)])
                group.addTask {
                    do {
                        return try await delivery.call(DeliveryRPC.FindSuppressed(tenant: tenant, workspace: workspace, addresses: part))
                    } catch {
                        logger.warning("an import goes on without knowing who is suppressed", metadata: ["error": "\(error)"])
                        return nil
                    }
                }
            }
            var answers: [[String]?] = []
            for await answer in group { answers.append(answer) }
            return answers
        }
    }
}
