import Contracts
import Foundation
import Postgres

/// Hashes that a tile has gained: nodes of the height 8 × `level`, side by side from `start` on.
struct TileGrowth: Sendable, Equatable {
    static let width: Int64 = 256

    let level: Int
    let tile: Int64
    /// How many hashes the tile had before.
    let start: Int
    private(set) var hashes: Data

    /// What completed nodes, in the order of their completion, add to the tiles.
    static func of(_ nodes: [MerkleNode]) -> [TileGrowth] {
        var growths: [TileSet.Place: TileGrowth] = [:]
        for node in nodes where node.height % 8 == 0 {
            let place = TileSet.Place(level: node.height / 8, tile: node.index / width)
            let empty = TileGrowth(level: place.level, tile: place.tile, start: Int(node.index % width), hashes: Data())
            growths[place, default: empty].hashes += node.hash
        }
        return growths.values.sorted { ($0.level, $0.tile) < ($1.level, $1.tile) }
    }
}

/// Tiles that were read: any node of the tree that they cover, computed from them.
struct TileSet: Sendable {
    struct Place: Sendable, Hashable {
        let level: Int
        let tile: Int64
    }

    private let tiles: [Place: Data]

    init(_ tiles: [Place: Data]) {
        self.tiles = tiles
    }

    /// Where the hashes below a node are.
    static func place(of node: MerkleProof.Position) -> Place {
        let level = node.height / 8
        return Place(level: level, tile: (node.index << Int64(node.height % 8)) / TileGrowth.width)
    }

    /// Nil when a tile is missing or too short.
    func hash(of node: MerkleProof.Position) -> Data? {
        guard let tile = tiles[Self.place(of: node)] else { return nil }
        let span = 1 << (node.height % 8)
        let first = Int((node.index << Int64(node.height % 8)) % TileGrowth.width)
        guard tile.count >= 32 * (first + span) else { return nil }
        var hashes = (first..<first + span).map { Data(tile.dropFirst(32 * $0).prefix(32)) }
        while hashes.count > 1 {
            hashes = stride(from: 0, to: hashes.count, by: 2).map { MerkleTree.node(hashes[$0], hashes[$0 + 1]) }
        }
        return hashes[0]
    }

    /// The root over a range of leaves, which begins at a multiple of the greatest power of two within it.
    func root(over range: Range<Int64>) -> Data? {
        var subtrees: [Data] = []
        for node in MerkleProof.subtrees(of: range) {
            guard let hash = hash(of: node) else { return nil }
            subtrees.append(hash)
        }
        return MerkleTree.root(of: subtrees)
    }
}

extension TileSet {
    /// The tiles that hold these nodes, as far as there are any. They only grow, so one that is read later than a checkpoint still holds what the
    /// checkpoint knew.
    static func read(_ nodes: [MerkleProof.Position], of tenant: TenantID, in transaction: Transaction) async throws -> TileSet {
        let places = Array(Set(nodes.map(place(of:))))
        guard !places.isEmpty else { return TileSet([:]) }
        let rows = try await transaction.query(
            """
            select t.level, t.tile, t.hashes from trail_tiles t
            join unnest(\(places.map { Int32($0.level) }), \(places.map(\.tile))) as n (level, tile) on n.level = t.level and n.tile = t.tile
            where t.tenant_id = \(tenant)
            """)
        var tiles: [Place: Data] = [:]
        for row in rows {
            tiles[Place(level: try row.decode("level"), tile: try row.decode("tile"))] = try row.decode("hashes", as: Data.self)
        }
        return TileSet(tiles)
    }
}
