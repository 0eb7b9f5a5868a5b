import Contracts
import Foundation

/// A question about leads, kept under a name; its answer is found when it is asked.
struct Segment: Codable, Sendable, Equatable {
    let id: SegmentID
    let workspace: WorkspaceID
    /// Unique in its workspace.
    var name: String
    var filter: SegmentFilter
    /// Raised with each change.
    var revision: Int64 = 1
    let createdAt: Date
    var updatedAt: Date
}

/// How many leads a segment means, as far as was counted, and some of them.
struct SegmentPreview: Encodable, Sendable {
    let count: Int
    /// Whether there are more than `count`.
    let isCapped: Bool
    let sample: [Lead]
}

/// How many leads a segment means, as far as was counted.
struct SegmentCount: Encodable, Sendable, Equatable {
    static let cap = 10_000

    let count: Int
    /// Whether there are more than `count`.
    let isCapped: Bool

    /// `counted` was allowed to reach one more than the cap.
    init(_ counted: Int) {
        count = min(counted, Self.cap)
        isCapped = counted > Self.cap
    }
}
