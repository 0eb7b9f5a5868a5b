import Contracts
import Foundation
import Postgres
import Primitives

/// That an entry is in the tree that the checkpoint signs; size, proof and checkpoint are of one tree.
struct InclusionProof: Encodable, Sendable {
    /// What of an erasable field makes its digest in the leaf.
    struct Disclosure: Encodable, Sendable {
        /// 16 bytes in hexadecimal.
        let salt: String
        /// Canonical JSON, as text.
        let value: String
    }

    let seq: Int64
    /// `seq` - 1: leaves are counted from 0.
    let leafIndex: Int64
    /// The exact text that is hashed; nil when the entry is gone with its time, or older than the plan shows.
    let leaf: String?
    let disclosures: [String: Disclosure]?
    let leafHash: Data
    let treeSize: Int64
    /// From the leaf up, as RFC 6962 has it.
    let hashes: [Data]
    let checkpoint: TrailCheckpoint
}

/// That a smaller tree is the beginning of a larger one.
struct ConsistencyProof: Encodable, Sendable {
    struct Tree: Encodable, Sendable {
        let size: Int64
        let root: Data
        /// Nil when the checkpoint of this size was thinned out; whoever kept it compares the root.
        let checkpoint: TrailCheckpoint?
    }

    let from: Tree
    let to: TrailCheckpoint
    let hashes: [Data]
}

/// Why there is no proof.
enum ProofError: Error, Equatable {
    case noEntry
    case noCheckpoint
    /// The stored tree lacks what the proof needs, or says something else than the entry or the checkpoint: somebody has been at it.
    case damagedTree
}

/// Proofs from the stored tiles; the rows are not needed, so they outlive retention.
struct TrailProofs: Sendable {
    /// Of the `_api` role.
    let database: Database
    let clock: WallClock

    /// Which entry a proof is about.
    enum Subject: Sendable {
        case id(EventID)
        /// Also of one that is gone with its time.
        case seq(Int64)
    }

    /// Against the newest checkpoint, or the one of `size`. Throws ``ProofError`` and ``AlteredEntry``.
    func inclusion(of subject: Subject, tenant: TenantID, size: Int64? = nil) async throws -> InclusionProof {
        let kept = try await RetentionWindow.read(of: tenant, at: clock.now, in: database)
        return try await database.transaction(as: tenant) { transaction in
            let line = try await Self.line(of: subject, tenant, kept, in: transaction)
            guard let checkpoint = try await TrailCheckpoint.read(of: tenant, size: size, in: transaction) else { throw ProofError.noCheckpoint }
            let seq: Int64
            switch subject {
            case .id:
                guard let line else { throw ProofError.noEntry }
                seq = line.line.seq
                guard seq <= checkpoint.size else { throw ProofError.noCheckpoint }
            case .seq(let number):
                seq = number
                guard seq >= 1, seq <= checkpoint.size else { throw ProofError.noEntry }
            }
            let leaf = seq - 1..<seq
            let path = MerkleProof.inclusion(of: seq - 1, in: checkpoint.size)
            let tiles = try await TileSet.read(
                ([leaf] + path).flatMap(MerkleProof.subtrees(of:)), of: tenant, in: transaction)
            guard let stored = tiles.root(over: leaf), line.map({ $0.line.leafHash == stored }) ?? true else { throw ProofError.damagedTree }
            let shown = line.flatMap { $0.isShown ? $0.line : nil }
            return InclusionProof(
                seq: seq, leafIndex: seq - 1, leaf: shown?.leaf, disclosures: shown.map(Self.disclosures), leafHash: stored,
                treeSize: checkpoint.size, hashes: try Self.roots(over: path, in: tiles), checkpoint: checkpoint)
        }
    }

    /// From a tree of any size to one that was signed; `to` nil: the newest. Throws ``ProofError``.
    func consistency(from old: Int64, to new: Int64? = nil, tenant: TenantID) async throws -> ConsistencyProof {
        try await database.transaction(as: tenant) { transaction in
            guard let to = try await TrailCheckpoint.read(of: tenant, size: new, in: transaction), old >= 1, old <= to.size else {
                throw ProofError.noCheckpoint
            }
            let path = MerkleProof.consistency(from: old, to: to.size)
            let tiles = try await TileSet.read(([0..<old] + path).flatMap(MerkleProof.subtrees(of:)), of: tenant, in: transaction)
            let signed = try await TrailCheckpoint.read(of: tenant, size: old, in: transaction)
            guard let root = tiles.root(over: 0..<old), signed.map({ $0.root == root }) ?? true else { throw ProofError.damagedTree }
            return ConsistencyProof(
                from: ConsistencyProof.Tree(size: old, root: root, checkpoint: signed), to: to, hashes: try Self.roots(over: path, in: tiles))
        }
    }

    /// The newest signed state, or that of exactly this size; nil when there is none.
    func checkpoint(of tenant: TenantID, size: Int64? = nil) async throws -> TrailCheckpoint? {
        try await database.transaction(as: tenant) { try await TrailCheckpoint.read(of: tenant, size: size, in: $0) }
    }

    /// The row, whether its time is over or not, and whether the plan shows it; nil when there is none.
    private static func line(
        of subject: Subject, _ tenant: TenantID, _ kept: RetentionWindow, in transaction: Transaction
    ) async throws -> (line: TrailLine, isShown: Bool)? {
        let condition: SQL
        switch subject {
        case .id(let id): condition = "e.id = \(id)"
        case .seq(let seq): condition = "e.seq = \(seq)"
        }
        let rows = try await transaction.query(
            """
            select \(TrailStore.columns), (\(kept.condition)) as is_shown from \(TrailStore.source)
            where e.tenant_id = \(tenant) and \(condition)
            """)
        return try rows.first.map { (try TrailStore.line($0), try $0.decode("is_shown")) }
    }

    private static func disclosures(_ line: TrailLine) -> [String: InclusionProof.Disclosure] {
        Dictionary(uniqueKeysWithValues: line.disclosures.map { ($0.field, .init(salt: $0.salt, value: $0.value.text)) })
    }

    private static func roots(over ranges: [Range<Int64>], in tiles: TileSet) throws -> [Data] {
        try ranges.map { range in
            guard let hash = tiles.root(over: range) else { throw ProofError.damagedTree }
            return hash
        }
    }
}
