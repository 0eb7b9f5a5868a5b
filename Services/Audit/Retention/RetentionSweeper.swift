import Foundation
import Logging
import Metrics
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Drops the months whose time and grace are over, and what released holds kept; thins old checkpoints. Whether that is so the database decides,
/// and what goes is signed for, when the program agrees.
struct RetentionSweeper: Service {
    private static let batch = 1_000

    let database: Database
    let signer: CheckpointSigner
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await sweep()
                } catch {
                    if Task.isCancelled { return }
                    logger.warning("retention interrupted", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(3_600))
            }
        }
    }

    /// One round; one month that cannot be dropped now is no reason to leave out the others.
    func sweep() async throws {
        let lapsed = try await database.query("select class, month::text as month from trail_lapsed()")
        for row in lapsed {
            let (kept, month): (String, String) = (try row.decode("class"), try row.decode("month"))
            guard let retention = RetentionClass(rawValue: kept), retention.isOver(month: month, at: clock.now) else {
                logger.error("the database would drop a month of the trail too early", metadata: ["class": "\(kept)", "month": "\(month)"])
                continue
            }
            do {
                try await retire(retention, month)
            } catch let refusal as PruningCheck.Refusal {
                tell(refusal)
            } catch {
                if Task.isCancelled { throw error }
                logger.warning("a month of the trail stays for now", metadata: ["class": "\(kept)", "month": "\(month)", "error": "\(error)"])
            }
        }
        do {
            while try await pruneHeld() == Self.batch {}
        } catch let refusal as PruningCheck.Refusal {
            tell(refusal)
        } catch {
            if Task.isCancelled { throw error }
            logger.warning("what holds had kept stays for now", metadata: ["error": "\(error)"])
        }
        let thin: SQL = "select trail_thin_checkpoints(\(Int32(Self.batch))) as thinned"
        while try await database.query(thin)[0].decode("thinned", as: Int.self) == Self.batch {}
    }

    /// A month is one transaction, however many entries a hold keeps of it.
    private static func takeTime(_ transaction: Transaction) async throws {
        try await transaction.query("select set_config('statement_timeout', '15min', true)")
    }

    private func tell(_ refusal: PruningCheck.Refusal) {
        Counter(label: "trail_refused_prunings_total").increment()
        logger.critical("a part of the trail is not dropped: somebody has been at it", metadata: ["problem": "\(refusal)"])
    }

    private func retire(_ retention: RetentionClass, _ month: String) async throws {
        let kept = retention.rawValue
        // What stands in a default partition gets one of its own first.
        try await database.query("select trail_make_partitions(\(month)::date, 1, array[\(kept)]::text[]) as made")
        let gone = try await database.transaction { transaction in
            try await Self.takeTime(transaction)
            let rows = try await transaction.query("select tenant_id, entries, seqs, at from trail_retirement(\(kept), \(month)::date)")
            try await PruningCheck(now: clock.now).check(retention, month: month, in: transaction)
            try await Pruning.sign(try rows.map { try Pruning($0, kept: kept, month: month) }, by: signer, in: transaction)
            return try await transaction.query("select trail_retire_month(\(kept), \(month)::date) as gone")[0].decode("gone", as: Int64.self)
        }
        logger.notice("a month of the trail was dropped", metadata: ["class": "\(kept)", "month": "\(month)", "entries": "\(gone)"])
    }

    /// A batch of what a hold had kept; how many entries.
    private func pruneHeld() async throws -> Int {
        let limit = Int32(Self.batch)
        return try await database.transaction { transaction in
            let rows = try await transaction.query("select tenant_id, entries, seqs, at from trail_held_retirement(\(limit))")
            try await PruningCheck(now: clock.now).checkHeld(atMost: limit, in: transaction)
            try await Pruning.sign(try rows.map { try Pruning($0, kept: "hold", month: nil) }, by: signer, in: transaction)
            return try await transaction.query("select trail_prune_held(\(limit)) as pruned")[0].decode("pruned", as: Int.self)
        }
    }
}
