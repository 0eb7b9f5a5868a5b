import Contracts
import Foundation
import Postgres

/// Makes the lines of a file, and climbs the tree while it does: what is left out is a gap, with the subtrees that stand for it. So every entry is
/// checked before it is written, and whoever has the file can compute the root that was signed.
struct TrailExportAssembly: Sendable {
    /// Entries that are checked at a stretch.
    private static let share = 250

    let format: TrailExportFormat
    /// Over everything so far, entries and gaps.
    private(set) var frontier: MerkleFrontier

    init(_ format: TrailExportFormat, frontier: MerkleFrontier = MerkleFrontier()) {
        self.format = format
        self.frontier = frontier
    }

    /// The subtrees that ``add(_:tiles:)`` and ``finish(through:tiles:)`` need for entries of these numbers; `end` nil: more will follow.
    func needed(for numbers: [Int64], through end: Int64?) -> [MerkleProof.Position] {
        var nodes: [MerkleProof.Position] = []
        var covered = frontier.size
        for number in numbers + (end.map { [$0 + 1] } ?? []) {
            nodes += MerkleProof.alignedSubtrees(of: covered..<max(covered, number - 1))
            covered = number
        }
        return nodes
    }

    /// The entries, in the order of their numbers, as ``TrailStore/columns`` give them. Throws ``AlteredEntry`` and ``ExportError``.
    mutating func add(_ rows: [Row], tiles: TileSet) async throws -> String {
        var text = ""
        for written in try await Self.written(rows, as: format) {
            text += try leaveOut(upTo: written.seq - 1, tiles: tiles)
            _ = frontier.append(written.leaf)
            text += written.text
        }
        return text
    }

    /// An entry that was checked, as it stands in the file.
    private struct Written: Sendable {
        let seq: Int64
        let leaf: Data
        let text: String

        init(_ row: Row, as format: TrailExportFormat) throws {
            let entry = try TrailStore.entry(row)
            let line = try TrailStore.line(of: entry, row)
            (seq, leaf, text) = (line.seq, line.leafHash, format.line(entry, line))
        }
    }

    /// Checking takes longest, and no entry needs another: all cores do it, none of them the thread of a connection.
    private static func written(_ rows: [Row], as format: TrailExportFormat) async throws -> [Written] {
        try await withThrowingTaskGroup(of: (Int, [Written]).self) { group in
            for start in stride(from: 0, to: rows.count, by: share) {
                group.addTask(executorPreference: globalConcurrentExecutor) {
                    (start, try rows[start..<min(start + share, rows.count)].map { try Written($0, as: format) })
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.flatMap(\.1)
        }
    }

    /// What is behind the last entry.
    mutating func finish(through: Int64, tiles: TileSet) throws -> String {
        try leaveOut(upTo: through, tiles: tiles)
    }

    /// Climbs over what is not in the file, up to and with the entry `last`.
    private mutating func leaveOut(upTo last: Int64, tiles: TileSet) throws -> String {
        let first = frontier.size + 1
        guard first <= last else { return "" }
        let hashes = try MerkleProof.alignedSubtrees(of: frontier.size..<last).map { node -> Data in
            guard let hash = tiles.hash(of: node) else { throw ExportError.damagedTree }
            frontier.append(subtree: hash, height: node.height)
            return hash
        }
        return format.gap(first, last, hashes)
    }
}

/// Why a file cannot be finished.
enum ExportError: Error, Equatable, CustomStringConvertible {
    /// A part that was written, or an entry that was counted, is not there any more.
    case partMissing
    /// What is stored of the tree does not make the root that was signed.
    case damagedTree

    var description: String {
        switch self {
        case .partMissing: "a part of the file is missing"
        case .damagedTree: "the tree is not what was signed: check the trail with penguin audit verify"
        }
    }
}
