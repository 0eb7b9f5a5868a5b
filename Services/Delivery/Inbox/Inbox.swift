import Contracts
import Foundation
import HTTP
import Postgres
import Primitives

/// What people do with a thread, besides answering: each act answers with the thread as it is then, and again changes nothing.
struct Inbox: Sendable {
    static let longestSnooze: TimeInterval = 366 * 86_400

    let store: InboxStore
    let clock: WallClock

    /// Problem 404 for a thread of another company or of a workspace that the person may not use.
    func find(_ thread: InboxThreadID, for identity: Identity) async throws -> InboxThread {
        guard let found = try await store.find(thread, of: identity.tenant), identity.mayUse(found.workspace) else {
            throw Problem.notFound("thread")
        }
        return found
    }

    /// All that is shown of a thread; looking at it does not make it read.
    func view(
        _ thread: InboxThreadID, before: InboxMessageID?, showsImages: Bool, for identity: Identity
    ) async throws -> InboxThreadView {
        let found = try await find(thread, for: identity)
        let page = try await store.messages(of: thread, before: before, tenant: identity.tenant)
        let mails = try await store.mails(in: found, tenant: identity.tenant)
        return InboxThreadView(
            thread: found, messages: page.messages.map { $0.sanitised(showsImages: showsImages) }, hasOlder: page.hasOlder, mails: mails)
    }

    func archive(_ thread: InboxThreadID, by identity: Identity) async throws -> InboxThread {
        try await change(thread, by: identity, "state = 'archived', snoozed_until = null, is_unread = false", unless: "t.state = 'archived'")
    }

    /// Out of the archive, or awake before its time.
    func open(_ thread: InboxThreadID, from state: InboxThread.State, by identity: Identity) async throws -> InboxThread {
        try await change(thread, by: identity, "state = 'open', snoozed_until = null", unless: "t.state <> \(state)")
    }

    /// Away until then; whatever the person writes meanwhile brings it back.
    func snooze(_ thread: InboxThreadID, until: Date, by identity: Identity) async throws -> InboxThread {
        let now = clock.now
        guard until > now, until <= now.addingTimeInterval(Self.longestSnooze) else {
            throw Problem.invalid("until must be within the next 366 days.", field: "until")
        }
        return try await change(
            thread, by: identity, "state = 'snoozed', snoozed_until = \(until), is_unread = false",
            unless: "t.state = 'snoozed' and t.snoozed_until = \(until)")
    }

    /// To one person, or to nobody.
    func assign(_ thread: InboxThreadID, to user: UserID?, by identity: Identity) async throws -> InboxThread {
        try await change(thread, by: identity, "assigned_to = \(user)", unless: "t.assigned_to is not distinct from \(user)")
    }

    func mark(_ thread: InboxThreadID, unread: Bool, by identity: Identity) async throws -> InboxThread {
        try await change(thread, by: identity, "is_unread = \(unread)", unless: "t.is_unread = \(unread)")
    }

    /// A word of the team's own, such as "interested"; nil takes it away.
    func label(_ thread: InboxThreadID, as label: String?, by identity: Identity) async throws -> InboxThread {
        try await change(thread, by: identity, "label = \(label)", unless: "t.label is not distinct from \(label)")
    }

    private func change(_ thread: InboxThreadID, by identity: Identity, _ set: SQL, unless isSo: SQL) async throws -> InboxThread {
        let tenant = identity.tenant
        let before = try await find(thread, for: identity)
        let isChanged = try await store.database.transaction(as: tenant) { transaction in
            // The workspace once more: between the look and the act nothing must have changed hands.
            let changed = try await transaction.query(
                """
                update inbox_threads t set \(set) where t.tenant_id = \(tenant) and t.id = \(thread) and t.workspace_id = \(before.workspace)
                  and not (\(isSo))
                """
            ).affected
            if changed > 0 { try await InboxWriter.stamp([thread], of: tenant, in: transaction) }
            return changed > 0
        }
        return isChanged ? try await find(thread, for: identity) : before
    }
}
