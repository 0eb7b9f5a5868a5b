import Contracts
import Postgres

/// Who was forgotten: their names do not come back with what was still on its way.
enum ErasedSubjects {
    /// Remembers one, once nobody is adding to the company's tree: what was added before is seen by whoever erases next, what is added later is
    /// stripped.
    static func remember(_ request: AuditRPC.EraseSubject) -> [SQL] {
        [
            "select size from trail_heads where tenant_id = \(request.tenant) for update",
            """
            insert into trail_erased (tenant_id, type, id) values (\(request.tenant), \(request.type), \(request.id)) on conflict do nothing
            """,
        ]
    }

    /// The entries without what would name a forgotten subject; to be asked under the locks of the heads.
    static func stripped(_ entries: [TrailEntry], in transaction: Transaction) async throws -> [TrailEntry] {
        var subjects: Set<Subject> = []
        for entry in entries {
            for target in entry.targets { subjects.insert(Subject(tenant: entry.tenant, type: target.type, id: target.id)) }
            for kind in entry.actorSubjects { subjects.insert(Subject(tenant: entry.tenant, type: kind, id: entry.actorID)) }
        }
        let asked = Array(subjects)
        let rows = try await transaction.query(
            """
            select e.tenant_id, e.type, e.id from unnest(\(asked.map(\.tenant)), \(asked.map(\.type)), \(asked.map(\.id))) as n (tenant_id, type, id)
            join trail_erased e on e.tenant_id = n.tenant_id and e.type = n.type and e.id = n.id
            """)
        guard !rows.isEmpty else { return entries }
        let erased = Set(
            try rows.map { Subject(tenant: try $0.decode("tenant_id"), type: try $0.decode("type"), id: try $0.decode("id")) })
        return entries.map { entry in
            entry.without { type, id in erased.contains(Subject(tenant: entry.tenant, type: type, id: id)) }
        }
    }

    private struct Subject: Hashable {
        let tenant: TenantID
        let type: String
        let id: String
    }
}

extension TrailEntry {
    /// The types of subject that this actor is: a user acts as one of the operator's people, too.
    var actorSubjects: [String] { ["support", "staff"].contains(actorKind) ? [actorKind, "user"] : [actorKind] }

    /// As `erase_subject` of the database leaves it: the name of a forgotten target goes with changes and metadata, of a forgotten actor name,
    /// address and user agent.
    func without(_ isErased: (_ type: String, _ id: String) -> Bool) -> TrailEntry {
        var entry = self
        for (index, target) in targets.enumerated() where isErased(target.type, target.id) {
            if index < entry.details.targetNames.count { entry.details.targetNames[index] = nil }
            entry.details.changes = []
            entry.details.metadata = [:]
        }
        if actorSubjects.contains(where: { isErased($0, actorID) }) {
            entry.details.actorName = nil
            entry.details.address = nil
            entry.details.userAgent = nil
        }
        return entry
    }
}
