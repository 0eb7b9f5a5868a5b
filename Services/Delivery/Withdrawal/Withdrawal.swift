import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams

/// Takes mails back that nobody has claimed: forgotten, or ended for good, in one transaction.
struct Withdrawal: Sendable {
    let database: Database
    let counters: QueueCounters
    let outbox: Outbox
    let clock: WallClock

    /// Answered after the commit: what is withdrawn does not go out, whoever was about to claim it.
    func withdraw(_ request: DeliveryRPC.WithdrawSends) async throws -> DeliveryRPC.Withdrawal {
        let (keys, mode) = (request.sendKeys, request.mode)
        guard (1...500).contains(keys.count), mode == .recall || mode == .cancel else {
            throw RPCError(kind: "invalid_batch", message: "A withdrawal is a recall or a cancel of 1 to 500 sends.")
        }
        let now = clock.now
        let store = WithdrawalStore(tenant: request.tenant)
        let answer = try await database.transaction { transaction in
            let waiting = try await store.lockWaiting(keys, in: transaction)
            let done =
                mode == .recall
                ? try await recall(waiting, store, now: now, in: transaction) : try await cancel(waiting, store, now: now, in: transaction)
            let rest = Set(keys).subtracting(done)
            return Self.answer(keys, done, mode, states: rest.isEmpty ? [:] : try await store.states(of: Array(rest), in: transaction))
        }
        outbox.wake()
        return answer
    }

    /// Forgets mails of which no server has heard; their keys.
    private func recall(
        _ waiting: [WithdrawalStore.Waiting], _ store: WithdrawalStore, now: Date, in transaction: Transaction
    ) async throws -> Set<String> {
        let untried = waiting.filter { $0.attempt == 0 }
        guard !untried.isEmpty else { return [] }
        let sends = try await store.delete(untried.map(\.send), in: transaction)
        let gone = Set(try sends.map { try $0.decode("id", as: UUID.self) })
        let changes = untried.filter { gone.contains($0.send) }.map { QueueChange(queue: $0.queue, waiting: -1) }
        try await settle(sends, store.deleteJobs(Array(gone)), changes, store, now: now, in: transaction)
        return Set(try sends.map { try $0.decode("send_key") })
    }

    /// Ends mails for good, and tells others; their keys.
    private func cancel(
        _ waiting: [WithdrawalStore.Waiting], _ store: WithdrawalStore, now: Date, in transaction: Transaction
    ) async throws -> Set<String> {
        guard !waiting.isEmpty else { return [] }
        let sends = try await store.cancel(waiting.map(\.send), now: now, in: transaction)
        let ended = Set(try sends.map { try $0.decode("id", as: UUID.self) })
        let changes = waiting.filter { ended.contains($0.send) }.map { QueueChange(queue: $0.queue, waiting: -1, completed: 1) }
        try await settle(sends, store.endJobs(Array(ended), error: "withdrawn", now: now), changes, store, now: now, in: transaction)
        try await SendEvents(outbox: outbox).append(
            try sends.map { try SendEvents.Resolved(row: $0, state: .cancelled, at: now) }, at: now, in: transaction)
        return Set(try sends.map { try $0.decode("send_key") })
    }

    /// The reserved quota of withdrawn mails goes back; the counters come last.
    private func settle(
        _ sends: Rows, _ jobs: [SQL], _ changes: [QueueChange], _ store: WithdrawalStore, now: Date, in transaction: Transaction
    ) async throws {
        guard !sends.isEmpty else { return }
        let reserved = try sends.compactMap { try $0.decodeOptional("reservation_id", as: ReservationID.self) }.map { (store.tenant, $0) }
        let released = reserved.isEmpty ? [] : [SettlementStore.release(reserved)]
        try await transaction.pipeline(jobs + released + counters.record(changes, now: now))
    }

    /// Each key in one part, in the order asked.
    private static func answer(
        _ keys: [String], _ done: Set<String>, _ mode: DeliveryRPC.WithdrawSends.Mode, states: [String: String]
    ) -> DeliveryRPC.Withdrawal {
        var answer = DeliveryRPC.Withdrawal(withdrawn: [], unknown: [], tooLate: [])
        var seen: Set<String> = []
        for key in keys where seen.insert(key).inserted {
            // A mail that was cancelled keeps its key: it cannot be recalled to be planned anew.
            if done.contains(key) || mode == .cancel && states[key] == "cancelled" {
                answer.withdrawn.append(key)
            } else if states[key] == nil {
                answer.unknown.append(key)
            } else {
                answer.tooLate.append(key)
            }
        }
        return answer
    }
}
