import Contracts
import Foundation
import HTTP
import Hummingbird

/// What a company needs to check its trail without us: signed states of the tree, and the proofs between them and its entries.
struct ProofRoutes {
    let proofs: TrailProofs
    /// The public keys of those who sign, as signed notes name them.
    let keys: [String]
    let reads: ReadLog

    private struct Keys: Encodable {
        let keys: [String]
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/audit/keys") { _, context in
            _ = try context.requireTrailReader()
            return try Response.json(Keys(keys: keys))
        }
        router.get("/api/v1/audit/events/{id}/proof") { request, context in
            let identity = try context.requireTrailReader()
            let id = try context.identifier("id", as: EventID.self)
            let size = try Self.size("size", request)
            let proof = try await proven { try await proofs.inclusion(of: .id(id), tenant: identity.tenant, size: size) }
            try await reads.read("proof", TrailSearch(), by: identity, context)
            return try Response.json(proof)
        }
        // Of an entry by its number, also when the entry itself is gone with its time.
        router.get("/api/v1/audit/proof") { request, context in
            let identity = try context.requireTrailReader()
            guard let seq = try Self.size("seq", request) else {
                throw Problem.invalid("seq takes the number of an entry, from 1 on.", field: "seq")
            }
            let size = try Self.size("size", request)
            let proof = try await proven { try await proofs.inclusion(of: .seq(seq), tenant: identity.tenant, size: size) }
            try await reads.read("proof", TrailSearch(), by: identity, context)
            return try Response.json(proof)
        }
        router.get("/api/v1/audit/checkpoint") { request, context in
            let identity = try context.requireTrailReader()
            let size = try Self.size("size", request)
            guard let checkpoint = try await proofs.checkpoint(of: identity.tenant, size: size) else { throw Problem.notFound("checkpoint") }
            try await reads.read("checkpoint", TrailSearch(), by: identity, context)
            return try Response.json(checkpoint)
        }
        router.get("/api/v1/audit/consistency") { request, context in
            let identity = try context.requireTrailReader()
            guard let from = try Self.size("from", request) else {
                throw Problem.invalid("from takes the size of an earlier checkpoint.", field: "from")
            }
            let to = try Self.size("to", request)
            if let to, to < from { throw Problem.invalid("to must not be less than from.", field: "to") }
            let proof = try await proven { try await proofs.consistency(from: from, to: to, tenant: identity.tenant) }
            try await reads.read("consistency", TrailSearch(), by: identity, context)
            return try Response.json(proof)
        }
    }

    private func proven<Proof>(_ work: () async throws -> Proof) async throws -> Proof {
        do {
            return try await work()
        } catch ProofError.noEntry {
            throw Problem.notFound("event")
        } catch ProofError.noCheckpoint {
            throw Problem.notFound("checkpoint")
        } catch ProofError.damagedTree {
            throw Self.damaged("What is stored of the tree is not what was signed")
        } catch let error as AlteredEntry {
            throw Self.damaged("Entry \(error.seq) is not what was written")
        }
    }

    /// No proof is given of what cannot be true.
    private static func damaged(_ what: String) -> Problem {
        Problem(
            .internalServerError, kind: "damaged_trail", title: "The stored trail is damaged.",
            detail: "\(what): tell us, and keep the checkpoints that you have.")
    }

    /// The size of a tree, or a number in it; nil when it is not named.
    private static func size(_ name: String, _ request: Request) throws(Problem) -> Int64? {
        guard let text = request.uri.queryParameters[Substring(name)] else { return nil }
        guard let size = Int64(text), size >= 1 else { throw Problem.invalid("\(name) must be a number from 1 on.", field: name) }
        return size
    }
}
