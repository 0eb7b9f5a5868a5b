import Contracts
import Postgres
import RPC

/// Forgets a person in the trail: where it is a target its name, and what was changed and told about it; where it acted its name, address and user
/// agent. The same of what waits in quarantine, and of what comes later.
///
/// The events stay, and with them every proof: a leaf holds only salted digests of what goes here, and the salts go too. No role of the service
/// may change an entry; a function of the schema's owner does it, and can do nothing else.
struct SubjectEraser: Sendable {
    private static let batch = 1_000

    let database: Database

    /// A batch; true when nothing is left.
    func erase(_ request: AuditRPC.EraseSubject) async throws -> Bool {
        guard (1...32).contains(request.type.utf8.count), (1...128).contains(request.id.utf8.count) else {
            throw RPCError(kind: "invalid_subject", message: "A subject has a type of 1 to 32 bytes and an id of 1 to 128.")
        }
        let limit = Int32(Self.batch)
        return try await database.transaction { transaction in
            // Before the head: whoever moves the old trail locks in this order.
            try await transaction.query(TrailBackfill.lock)
            try await transaction.pipeline(ErasedSubjects.remember(request))
            try await QuarantineEraser.erase(request, in: transaction)
            let answers = try await transaction.pipeline([
                "select erase_target_names(\(request.tenant), \(request.type), \(request.id), \(limit)) as erased",
                "select erase_subject(\(request.tenant), \(request.type), \(request.id), \(limit)) as erased",
            ])
            return try answers.allSatisfy { try $0[0].decode("erased", as: Int.self) < Self.batch }
        }
    }
}
