import Contracts
import Foundation
import Primitives

/// An entry of the trail as it is stored and shown.
struct TrailEvent: Encodable, Sendable {
    let id: EventID
    /// The place in the company's tree, counted from 1 without gaps.
    let seq: Int64
    let workspace: WorkspaceID?
    let occurredAt: Date
    let recordedAt: Date
    /// By how many milliseconds the clocks of who told it and of who wrote it down differ, or the way took; nil up to five minutes.
    let skewMs: Int64?
    let type: String
    let source: String
    let action: String
    let outcome: AuditRecord.Outcome
    let actor: EventActor
    let targets: [AuditRecord.Target]
    let address: String?
    let userAgent: String?
    let request: String?
    let supportSession: String?
    let changes: [AuditRecord.Change]
    let metadata: [String: String]
}

extension TrailEvent {
    /// What is within five minutes is the way through the streams.
    static func skew(from occurredAt: Date, to recordedAt: Date) -> Int64? {
        let milliseconds = Int64((recordedAt.timeIntervalSince(occurredAt) * 1_000).rounded())
        return abs(milliseconds) > 300_000 ? milliseconds : nil
    }
}
