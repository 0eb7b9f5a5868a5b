import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Making, changing and removing a company's own fields.
struct CustomFields: Sendable {
    /// Of one company.
    static let most = 100

    let database: Database
    let outbox: Outbox
    let clock: WallClock

    /// Problems `field_exists` and `field_limit_reached`.
    func create(key: String, name: String, kind: CustomFieldKind, choices: [String], by actor: LeadActor) async throws -> CustomField {
        let tenant = actor.identity.tenant
        let now = clock.now
        let field = CustomField(id: CustomFieldID(.v7(at: now)), key: key, name: name, kind: kind, choices: choices, createdAt: now)
        let event = try pending("created", field, at: now, by: actor, audit: "custom_field.create")
        try await database.transaction(as: tenant) { transaction in
            try await CustomFieldStore.lockAll(of: tenant, in: transaction)
            let known = try await CustomFieldStore.list(of: tenant, in: transaction)
            guard !known.contains(where: { $0.key == key }) else {
                throw Problem.conflict(kind: "field_exists", title: "There is a field with this key.")
            }
            guard known.count < Self.most else {
                throw Problem.unprocessable(
                    kind: "field_limit_reached", title: "There are \(Self.most) fields already.", detail: "Delete one that is not used any more.")
            }
            try await CustomFieldStore.insert(field, of: tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return field
    }

    /// Another name or other choices; nil stays. Leads that have a choice which is taken away keep it.
    func change(
        _ id: CustomFieldID, name: String?, choices: [String]?, expecting expected: Revision?, by actor: LeadActor
    ) async throws -> CustomField {
        let tenant = actor.identity.tenant
        let now = clock.now
        let changed = try await database.transaction(as: tenant) { transaction -> CustomField in
            guard let old = try await CustomFieldStore.lock(id, of: tenant, in: transaction) else { throw Problem.notFound("field") }
            try Revision(old.revision).check(expected)
            guard choices == nil || old.kind == .choice else {
                throw Problem.invalid("Only a field of kind choice has choices.", field: "choices")
            }
            var new = old
            new.name = name ?? old.name
            new.choices = choices ?? old.choices
            guard new != old else { return old }
            new.revision += 1
            try await CustomFieldStore.update(new, of: tenant, in: transaction)
            try await outbox.append([try pending("changed", new, at: now, by: actor, audit: "custom_field.update")], in: transaction)
            return new
        }
        outbox.wake()
        return changed
    }

    /// Removes the definition; values that leads have stay and read as text. Problem `field_in_use` while something asks for it.
    func delete(_ id: CustomFieldID, expecting expected: Revision?, by actor: LeadActor) async throws {
        let tenant = actor.identity.tenant
        let now = clock.now
        try await database.transaction(as: tenant) { transaction in
            guard let old = try await CustomFieldStore.lock(id, of: tenant, in: transaction) else { throw Problem.notFound("field") }
            try Revision(old.revision).check(expected)
            guard try await !CustomFieldStore.isInUse(old.key, of: tenant, in: transaction) else {
                throw Problem.conflict(
                    kind: "field_in_use", title: "A segment or a campaign asks for this field.",
                    detail: "Take custom.\(old.key) out of the filters of segments and of campaigns that are not over first.")
            }
            try await CustomFieldStore.delete(id, of: tenant, in: transaction)
            try await outbox.append([try pending("deleted", old, at: now, by: actor, audit: "custom_field.delete")], in: transaction)
        }
        outbox.wake()
    }

    private func pending(
        _ act: String, _ field: CustomField, at now: Date, by actor: LeadActor, audit action: String
    ) throws -> PendingEvent {
        try PendingEvent(
            CampaignsEvents.CustomFieldChanged(customField: field.id.uuid, act: act), at: now, tenant: actor.identity.tenant,
            actor: actor.identity.actor,
            audit: actor.audit(action, targets: [.init(type: "custom_field", id: field.id.description, name: field.key)]))
    }
}
