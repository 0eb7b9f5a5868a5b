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
