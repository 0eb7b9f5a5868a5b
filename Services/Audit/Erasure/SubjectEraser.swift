import Contracts
import Postgres
import RPC

/// Forgets how a person is called in the trail: the names of the targets that are this subject go, the events stay.
///
/// No role of the service may change an event; a function of the schema's owner does it, and can do nothing else.
struct SubjectEraser: Sendable {
    private static let batch = 1_000

    let database: Database

    /// A batch; true when no name is left.
    func erase(_ request: AuditRPC.EraseSubject) async throws -> Bool {
        guard (1...32).contains(request.type.utf8.count), (1...128).contains(request.id.utf8.count) else {
            throw RPCError(kind: "invalid_subject", message: "A subject has a type of 1 to 32 bytes and an id of 1 to 128.")
        }
        let row = try await database.query(
            "select erase_target_names(\(request.tenant), \(request.type), \(request.id), \(Int32(Self.batch))) as erased")[0]
        return try row.decode("erased", as: Int.self) < Self.batch
    }
}
