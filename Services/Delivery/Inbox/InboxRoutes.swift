import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// A tenant's inbox: everybody of the company reads the workspaces they may use, members and above act.
struct InboxRoutes {
    let inbox: Inbox
    let reply: InboxReply
    let live: InboxLive
    let idempotency: IdempotencyKeys

    private struct SnoozeRequest: Codable {
        let until: Date
    }

    private struct AssignRequest: Codable {
        /// Null is nobody.
        let to: UserID?
    }

    private struct LabelRequest: Codable {
        /// Null is none.
        let label: String?
    }

    static let prefix = "/api/v1/inbox"

    func add(to router: Router<AppContext>) {
        let routes = router.group(RouterPath(Self.prefix))
        routes.get("threads") { request, context in try await list(request, context) }
        routes.get("counts") { _, context in
            try Response.json(try await inbox.store.counts(try context.requireIdentity()))
        }
        routes.get("live") { request, context in try await follow(request, context) }
        routes.get("threads/{id}") { request, context in
            let identity = try context.requireIdentity()
            let images = request.uri.queryParameters["images"].map(String.init) ?? "0"
            guard images == "0" || images == "1" else { throw Problem.invalid("images must be 0 or 1.", field: "images") }
            var before: InboxMessageID?
            if let text = request.uri.queryParameters["before"] {
                before = InboxMessageID(text)
                guard before != nil else { throw Problem.invalid("before must be the id of a message.", field: "before") }
            }
            return try Response.json(
                try await inbox.view(try thread(context), before: before, showsImages: images == "1", for: identity))
        }
        routes.post("threads/{id}/reply") { request, context in try await answer(request, context) }
        addActs(to: routes)
    }

    private func addActs(to routes: RouterGroup<AppContext>) {
        act("archive", on: routes) { thread, identity, _ in try await inbox.archive(thread, by: identity) }
        act("unarchive", on: routes) { thread, identity, _ in try await inbox.open(thread, from: .archived, by: identity) }
        act("unsnooze", on: routes) { thread, identity, _ in try await inbox.open(thread, from: .snoozed, by: identity) }
        act("read", on: routes) { thread, identity, _ in try await inbox.mark(thread, unread: false, by: identity) }
        act("unread", on: routes) { thread, identity, _ in try await inbox.mark(thread, unread: true, by: identity) }
        act("snooze", on: routes) { thread, identity, request in
            let until = try await request.json(SnoozeRequest.self).until
            return try await inbox.snooze(thread, until: until, by: identity)
        }
        act("assign", on: routes) { thread, identity, request in
            let user = try await request.json(AssignRequest.self).to
            return try await inbox.assign(thread, to: user, by: identity)
        }
        act("label", on: routes) { thread, identity, request in
            let label = try await request.json(LabelRequest.self).label?.trimmingCharacters(in: .whitespacesAndNewlines)
            guard label.map({ (1...64).contains($0.count) && $0.utf8.count <= 256 }) ?? true else {
                throw Problem.invalid("label must have 1 to 64 characters, or be null.", field: "label")
            }
            return try await inbox.label(thread, as: label, by: identity)
        }
    }

    private func act(
        _ name: String, on routes: RouterGroup<AppContext>,
        _ work: @escaping @Sendable (InboxThreadID, Identity, Request) async throws -> InboxThread
    ) {
        routes.post(RouterPath("threads/{id}/\(name)")) { request, context in
            let identity = try context.require(atLeast: .member)
            return try Response.json(try await work(try thread(context), identity, request))
        }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requireIdentity()
        let filter = try InboxFilter(request, as: identity)
        let page = try PageRequest(request)
        let start = try page.after(InboxStore.Position.self)
        let found = try await inbox.store.list(filter, of: identity.tenant, after: start, limit: page.limit + 1)
        return try Response.json(Page(found, limit: page.limit) { InboxStore.Position(at: $0.lastAt, id: $0.id) })
    }

    private func follow(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requireIdentity()
        // Nobody could say when its key is taken back.
        guard identity.apiKey == nil else { throw Problem.forbidden("A key reads GET /api/v1/inbox/threads.") }
        var start: Int64?
        if let text = request.headers[.lastInboxEvent] {
            guard let change = Int64(text), change >= 0 else {
                throw Problem.invalid("Last-Event-ID must be the id of an event that this stream sent.", field: "Last-Event-ID")
            }
            start = change
        }
        return try await live.stream(after: start, for: identity)
    }

    private func answer(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member)
        let thread = try await inbox.find(try thread(context), for: identity)
        let draft = try checked(try await request.json(InboxReply.Draft.self, limit: 1_000_000))
        return try await idempotency.once(request, as: identity, body: draft) {
            let sent = try await reply.send(draft, in: thread, by: identity) { context.audit("inbox.reply", targets: $0, metadata: $1) }
            // Nothing of the person in it: the answer is kept for whoever asks again.
            return try Response.json(sent, status: .accepted)
        }
    }

    private func checked(_ draft: InboxReply.Draft) throws(Problem) -> InboxReply.Draft {
        guard draft.text.contains(where: { !$0.isWhitespace }), draft.text.utf8.count <= NewInboxMessage.longestText else {
            throw Problem.invalid("text must have words, and at most \(NewInboxMessage.longestText) bytes.", field: "text")
        }
        guard draft.html.map({ (1...NewInboxMessage.longestHTML).contains($0.utf8.count) }) ?? true else {
            throw Problem.invalid("html must have 1 to \(NewInboxMessage.longestHTML) bytes.", field: "html")
        }
        return draft
    }

    private func thread(_ context: AppContext) throws(Problem) -> InboxThreadID {
        guard let id = context.parameters.get("id").flatMap({ InboxThreadID($0) }) else { throw Problem.notFound("thread") }
        return id
    }
}
