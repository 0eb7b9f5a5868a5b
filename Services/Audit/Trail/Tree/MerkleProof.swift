/// Which subtrees prove what (RFC 6962, sections 2.1.1 and 2.1.2), as ranges of leaves in the order of the proof.
enum MerkleProof {
    /// A complete subtree: 2^height leaves from `index << height` on.
    struct Position: Sendable, Hashable {
        let height: Int
        let index: Int64
    }

    /// That the leaf is in the tree of this size; `leaf` is below `size`.
    static func inclusion(of leaf: Int64, in size: Int64) -> [Range<Int64>] {
        inclusion(of: leaf, in: 0..<size)
    }

    /// That the tree of the size `old` is the beginning of the one of the size `new`; nothing is needed from the empty one and to itself.
    static func consistency(from old: Int64, to new: Int64) -> [Range<Int64>] {
        guard old > 0, old < new else { return [] }
        return consistency(from: old, in: 0..<new, isWhole: true)
    }

    /// The complete subtrees that make up a range, the largest first.
    static func subtrees(of range: Range<Int64>) -> [Position] {
        var positions: [Position] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let height = 63 - (range.upperBound - start).leadingZeroBitCount
            positions.append(Position(height: height, index: start >> Int64(height)))
            start += 1 << Int64(height)
        }
        return positions
    }

    /// The complete subtrees that make up any range, in its order: each the largest that begins where the one before ended.
    static func alignedSubtrees(of range: Range<Int64>) -> [Position] {
        var positions: [Position] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let fitting = 63 - (range.upperBound - start).leadingZeroBitCount
            let height = start == 0 ? fitting : min(start.trailingZeroBitCount, fitting)
            positions.append(Position(height: height, index: start >> Int64(height)))
            start += 1 << Int64(height)
        }
        return positions
    }

    private static func inclusion(of leaf: Int64, in range: Range<Int64>) -> [Range<Int64>] {
        guard range.count > 1 else { return [] }
        let middle = range.lowerBound + split(range)
        if leaf < middle {
            return inclusion(of: leaf, in: range.lowerBound..<middle) + [middle..<range.upperBound]
        }
        return inclusion(of: leaf, in: middle..<range.upperBound) + [range.lowerBound..<middle]
    }

    /// `old` counts leaves from the beginning of the range.
    private static func consistency(from old: Int64, in range: Range<Int64>, isWhole: Bool) -> [Range<Int64>] {
        if old == range.count { return isWhole ? [] : [range] }
        let size = split(range)
        let middle = range.lowerBound + size
        if old <= size {
            return consistency(from: old, in: range.lowerBound..<middle, isWhole: isWhole) + [middle..<range.upperBound]
        }
        return consistency(from: old - size, in: middle..<range.upperBound, isWhole: false) + [range.lowerBound..<middle]
    }

    /// The largest power of two below the number of leaves.
    private static func split(_ range: Range<Int64>) -> Int64 {
        let count = Int64(range.count)
        return 1 << Int64(63 - (count - 1).leadingZeroBitCount)
    }
}
