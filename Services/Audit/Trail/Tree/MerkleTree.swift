import Crypto
import Foundation

/// The hashes of RFC 6962, section 2.1.
enum MerkleTree {
    static let emptyRoot = Data(SHA256.hash(data: Data()))

    static func leaf(_ content: [UInt8]) -> Data {
        var hash = SHA256()
        hash.update(data: [0x00] as [UInt8])
        hash.update(data: content)
        return Data(hash.finalize())
    }

    static func node(_ left: Data, _ right: Data) -> Data {
        var hash = SHA256()
        hash.update(data: [0x01] as [UInt8])
        hash.update(data: left)
        hash.update(data: right)
        return Data(hash.finalize())
    }

    /// The root above complete subtrees that stand side by side, the largest first.
    static func root(of subtrees: [Data]) -> Data {
        guard var root = subtrees.last else { return emptyRoot }
        for subtree in subtrees.dropLast().reversed() { root = node(subtree, root) }
        return root
    }
}

/// The right edge of a tree: all that is needed to add leaves and to know the root.
struct MerkleFrontier: Sendable, Equatable {
    private(set) var size: Int64
    /// The roots of the complete subtrees, the largest first: one for each bit of the size.
    private var peaks: [Data]

    init() {
        size = 0
        peaks = []
    }

    /// Nil unless there are as many hashes of 32 bytes as the size has bits set.
    init?(size: Int64, bytes: Data) {
        guard size >= 0, bytes.count == 32 * size.nonzeroBitCount else { return nil }
        self.size = size
        peaks = stride(from: 0, to: bytes.count, by: 32).map { Data(bytes.dropFirst($0).prefix(32)) }
    }

    var bytes: Data { peaks.reduce(into: Data()) { $0 += $1 } }

    var root: Data { MerkleTree.root(of: peaks) }

    /// Adds a leaf; the nodes that are complete with it, from the leaf up.
    mutating func append(_ leaf: Data) -> [MerkleNode] {
        var completed = [MerkleNode(height: 0, index: size, hash: leaf)]
        var hash = leaf
        var height = 0
        while (size >> Int64(height)) & 1 == 1 {
            hash = MerkleTree.node(peaks.removeLast(), hash)
            height += 1
            completed.append(MerkleNode(height: height, index: size >> Int64(height), hash: hash))
        }
        peaks.append(hash)
        size += 1
        return completed
    }
}

extension MerkleFrontier {
    /// Adds a complete subtree as a whole; the size is a multiple of its 2^height leaves.
    mutating func append(subtree: Data, height: Int) {
        var hash = subtree
        var level = height
        while (size >> Int64(level)) & 1 == 1 {
            hash = MerkleTree.node(peaks.removeLast(), hash)
            level += 1
        }
        peaks.append(hash)
        size += 1 << Int64(height)
    }
}

/// The root of the complete subtree over the leaves from `index << height` on.
struct MerkleNode: Sendable, Equatable {
    let height: Int
    let index: Int64
    let hash: Data
}
