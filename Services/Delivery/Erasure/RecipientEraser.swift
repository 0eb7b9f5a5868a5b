import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams

/// Forgets a person: what is not yet claimed is cancelled, addresses and contents go, and what forbids writing to them stays as a digest.
struct RecipientEraser: Sendable {
    static let batch = 1_000

    let database: Database
    let digests: AddressDigests
    let counters: QueueCounters
    let outbox: Outbox
    let clock: WallClock

    /// A batch; true when nothing is left of the address. Mail that is under way at this moment is waited for.
    func erase(_ request: DeliveryRPC.EraseRecipient) async throws -> Bool {
        let address = request.address.lowercased()
        guard (3...320).contains(address.utf8.count), address.contains("@") else {
            throw RPCError(kind: "invalid_address", message: "An address has 3 to 320 bytes and an @.")
        }
        let now = clock.now
        let (tenant, isOptedOut) = (request.tenant, request.isOptedOut)
        // Committed before anything else is done, so that from here on nothing goes out to who must not be written to.
        let store = try await database.transaction { transaction in
            let digest = try await digests.makeDigester(of: tenant, at: now, in: transaction).digest(address)
            let store = ErasureStore(tenant: tenant, address: address, digest: digest, batch: Self.batch)
            try await store.forbid(isOptedOut: isOptedOut, at: now, in: transaction)
            return store
        }
        try await cancel(store, now: now)
        try await database.transaction { try await store.eraseMails(in: $0) }
        // After the ledger: from here on no answer makes a thread of theirs again.
        try await database.transaction { try await store.eraseConversations(in: $0) }
        return try await database.transaction { transaction in
            // Once more: somebody may have unsubscribed by a link meanwhile.
            try await store.forbid(isOptedOut: isOptedOut, at: now, in: transaction)
            return try await store.isEmpty(in: transaction)
        }
    }

    /// As an operator cancels a job: ledger, job, content, quota and counters in one transaction, and others hear of it.
    private func cancel(_ store: ErasureStore, now: Date) async throws {
        let events = SendEvents(outbox: outbox)
        try await database.transaction { transaction in
            let waiting = try await store.lockWaiting(in: transaction)
            guard !waiting.isEmpty else { return }
            let withdrawal = WithdrawalStore(tenant: store.tenant)
            let sends = try await withdrawal.cancel(waiting.map(\.send), now: now, in: transaction)
            let reserved = try sends.compactMap { try $0.decodeOptional("reservation_id", as: ReservationID.self) }.map { (store.tenant, $0) }
            var statements = withdrawal.endJobs(waiting.map(\.send), error: "the recipient was erased", now: now)
            if !reserved.isEmpty { statements.append(SettlementStore.release(reserved)) }
            let changes = waiting.compactMap { mail in mail.queue.map { QueueChange(queue: $0, waiting: -1, completed: 1) } }
            try await transaction.pipeline(statements + counters.record(changes, now: now))
            try await events.append(try sends.map { try SendEvents.Resolved(row: $0, state: .cancelled, at: now) }, at: now, in: transaction)
        }
        outbox.wake()
    }
}
