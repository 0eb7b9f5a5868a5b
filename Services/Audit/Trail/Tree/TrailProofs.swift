import Contracts
import Foundation
import Postgres

/// That an entry is in the tree that the checkpoint signs; size, proof and checkpoint are of one tree.
struct InclusionProof: Encodable, Sendable {
    let seq: Int64
    /// `seq` - 1: leaves are counted from 0.
    let leafIndex: Int64
    let leafHash: Data
    let treeSize: Int64
    /// From the leaf up, as RFC 6962 has it.
    let hashes: [Data]
    let checkpoint: TrailCheckpoint
}

/// That a smaller tree is the beginning of a larger one.
struct ConsistencyProof: Encodable, Sendable {
    let from: TrailCheckpoint
    let to: TrailCheckpoint
    let hashes: [Data]
}

/// Why there is no proof.
enum ProofError: Error, Equatable {
    case noEntry
    case noCheckpoint
    /// The stored tree lacks what the proof needs: somebody has been at it.
    case incompleteTree
}

/// Proofs from the stored tiles; the rows are not needed, so they outlive retention.
struct TrailProofs: Sendable {
    let database: Database

    /// Against the newest checkpoint, or the one of `size`. Throws ``ProofError``.
    func inclusion(of id: EventID, tenant: TenantID, size: Int64? = nil) async throws -> InclusionProof {
        let rows = try await database.query(
            as: tenant, "select e.seq, e.leaf from trail_events e where e.tenant_id = \(tenant) and e.id = \(id)")
        guard let row = rows.first else { throw ProofError.noEntry }
        let seq: Int64 = try row.decode("seq")
        guard let checkpoint = try await TrailCheckpoint.read(of: tenant, size: size, in: database), seq <= checkpoint.size else {
            throw ProofError.noCheckpoint
        }
        return InclusionProof(
            seq: seq, leafIndex: seq - 1, leafHash: try row.decode("leaf"), treeSize: checkpoint.size,
            hashes: try await hashes(of: MerkleProof.inclusion(of: seq - 1, in: checkpoint.size), tenant), checkpoint: checkpoint)
    }

    /// Between two sizes for which there are checkpoints; `to` nil: the newest. Throws ``ProofError``.
    func consistency(from old: Int64, to new: Int64? = nil, tenant: TenantID) async throws -> ConsistencyProof {
        guard let from = try await checkpoint(of: tenant, size: old), let to = try await checkpoint(of: tenant, size: new), from.size <= to.size
        else { throw ProofError.noCheckpoint }
        return ConsistencyProof(
            from: from, to: to, hashes: try await hashes(of: MerkleProof.consistency(from: from.size, to: to.size), tenant))
    }

    /// The newest signed state, or that of exactly this size; nil when there is none.
    func checkpoint(of tenant: TenantID, size: Int64? = nil) async throws -> TrailCheckpoint? {
        try await TrailCheckpoint.read(of: tenant, size: size, in: database)
    }

    /// The roots over these ranges. Tiles only grow, so one read later than its checkpoint still holds what the checkpoint knew.
    private func hashes(of ranges: [Range<Int64>], _ tenant: TenantID) async throws -> [Data] {
        let places = Array(Set(ranges.flatMap(MerkleProof.subtrees(of:)).map(TileSet.place(of:))))
        guard !places.isEmpty else { return [] }
        let rows = try await database.query(
            as: tenant,
            """
            select t.level, t.tile, t.hashes from trail_tiles t
            join unnest(\(places.map { Int32($0.level) }), \(places.map(\.tile))) as n (level, tile) on n.level = t.level and n.tile = t.tile
            where t.tenant_id = \(tenant)
            """)
        var tiles: [TileSet.Place: Data] = [:]
        for row in rows {
            let place = TileSet.Place(level: try row.decode("level"), tile: try row.decode("tile"))
            tiles[place] = try row.decode("hashes", as: Data.self)
        }
        let found = TileSet(tiles)
        return try ranges.map { range in
            guard let hash = found.root(over: range) else { throw ProofError.incompleteTree }
            return hash
        }
    }
}
