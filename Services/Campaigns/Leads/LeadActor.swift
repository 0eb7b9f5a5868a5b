import Contracts
import HTTP

/// Who does something to leads, and how the trail hears of it.
struct LeadActor: Sendable {
    let identity: Identity
    private let context: AppContext

    init(_ identity: Identity, _ context: AppContext) {
        self.identity = identity
        self.context = context
    }

    /// As activities name people and keys: `user:<id>`, `api_key:<id>`.
    var name: String { "\(identity.actor.kind.rawValue):\(identity.actor.id)" }

    func audit(
        _ action: String, targets: [AuditRecord.Target], fields: [String] = [], metadata: [String: String] = [:]
    ) -> AuditRecord {
        // Which fields, never what stands in them.
        context.audit(
            action, targets: targets, changes: fields.map { AuditRecord.Change(path: $0, before: nil, after: nil) }, metadata: metadata)
    }
}
