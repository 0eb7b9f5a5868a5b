import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Making, changing and taking back templates; each change is a version of its own.
struct Templates: Sendable {
    typealias Audit = @Sendable (_ action: String, AuditRecord.Target) -> AuditRecord

    let database: Database
    let outbox: Outbox
    let clock: WallClock

    /// `action` says in the trail how it came into being.
    func create(
        _ content: TemplateContent, name: String, workspace: WorkspaceID, action: String = "template.create", by identity: Identity, audit: Audit
    ) async throws -> Template {
        let now = clock.now
        let template = Template(
            id: TemplateID(.v7(at: now)), workspace: workspace, name: name, version: 1, revision: 1, subject: content.subject, text: content.text,
            html: content.html, createdAt: now, updatedAt: now)
        let event = try PendingEvent(
            CampaignsEvents.TemplateCreated(template: template.id), at: now, tenant: identity.tenant, workspace: workspace,
            actor: identity.actor, audit: audit(action, Self.target(template)))
        try await database.transaction(as: identity.tenant) { transaction in
            try await TemplateStore.insert(template, by: identity.user, of: identity.tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return template
    }

    /// A new version; nil for `name` keeps the name. The problem 412 when somebody changed it since `expected`.
    func change(
        _ template: TemplateID, _ content: TemplateContent, name: String?, expected: Revision?, by identity: Identity, audit: Audit
    ) async throws -> Template {
        let now = clock.now
        let changed = try await database.transaction(as: identity.tenant) { transaction -> Template in
            let old = try await lock(template, expected: expected, for: identity, in: transaction)
            let new = old.changed(name: name ?? old.name, content: content, at: now)
            try await save(new, restoredFrom: nil, by: identity, audit: audit("template.update", Self.target(new)), in: transaction)
            return new
        }
        outbox.wake()
        return changed
    }

    /// A new version that says what an old one said.
    func restore(_ version: TemplateVersion, of template: TemplateID, by identity: Identity, audit: Audit) async throws -> Template {
        let now = clock.now
        let restored = try await database.transaction(as: identity.tenant) { transaction -> Template in
            let old = try await lock(template, expected: nil, for: identity, in: transaction)
            let new = old.changed(name: old.name, content: version.content, at: now)
            try await save(
                new, restoredFrom: version.version, by: identity, audit: audit("template.restore", Self.target(new)), in: transaction)
            return new
        }
        outbox.wake()
        return restored
    }

    /// The problem 409 while a campaign that may still send uses it.
    func delete(_ template: TemplateID, expected: Revision?, by identity: Identity, audit: Audit) async throws {
        let now = clock.now
        try await database.transaction(as: identity.tenant) { transaction in
            let old = try await lock(template, expected: expected, for: identity, in: transaction)
            guard try await !TemplateStore.isInUse(template, of: identity.tenant, in: transaction) else {
                throw Problem.conflict(
                    kind: "template_in_use", title: "A campaign uses the template.", detail: "End the campaigns that use it first.")
            }
            try await TemplateStore.delete(template, of: identity.tenant, at: now, in: transaction)
            let event = try PendingEvent(
                CampaignsEvents.TemplateDeleted(template: template), at: now, tenant: identity.tenant, workspace: old.workspace,
                aggregate: Aggregate(kind: "template", id: template.description, version: old.revision + 1), actor: identity.actor,
                audit: audit("template.delete", Self.target(old)))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    private func lock(
        _ template: TemplateID, expected: Revision?, for identity: Identity, in transaction: Transaction
    ) async throws -> Template {
        guard let old = try await TemplateStore.lock(template, of: identity.tenant, in: transaction), identity.mayUse(old.workspace) else {
            throw Problem.notFound("template")
        }
        try Revision(old.revision).check(expected)
        return old
    }

    private func save(
        _ template: Template, restoredFrom: Int?, by identity: Identity, audit: AuditRecord, in transaction: Transaction
    ) async throws {
        try await TemplateStore.update(template, by: identity.user, restoredFrom: restoredFrom, of: identity.tenant, in: transaction)
        let event = try PendingEvent(
            CampaignsEvents.TemplateUpdated(template: template.id, version: template.version), at: template.updatedAt, tenant: identity.tenant,
            workspace: template.workspace, aggregate: Aggregate(kind: "template", id: template.id.description, version: template.revision),
            actor: identity.actor, audit: audit)
        try await outbox.append([event], in: transaction)
    }

    static func target(_ template: Template) -> AuditRecord.Target {
        .init(type: "template", id: template.id.description, name: template.name)
    }
}
