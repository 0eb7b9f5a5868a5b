import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// A tenant's reputation, and the end of a hold for complaints.
struct ReputationRoutes {
    let store: ReputationStore
    let list: ReputationList
    let holds: ComplaintHolds
    let directory: DomainDirectory
    let api: Database
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock

    private struct Answer: Encodable, Sendable {
        let data: [ReputationList.Item]
        let page: Page<ReputationList.Item>.Links
        /// Those that stand over any of the company's domains, and over the company.
        let holds: [ComplaintHold]
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/reputation") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let found = try await list.own(
                of: identity.tenant, in: identity.workspaces, try Self.filter(request), after: try page.after(ReputationList.Place.self),
                limit: page.limit + 1)
            let items = Page(found, limit: page.limit) { ReputationList.Place(scope: $0.scope, subject: $0.subject) }
            let holds = try await store.holds(of: identity.tenant)
            return try Response.json(Answer(data: items.data, page: items.page, holds: identity.workspaces == nil ? holds : []))
        }
        router.post("/api/v1/reputation/resume") { _, context in
            let identity = try context.require(atLeast: .admin)
            guard identity.workspaces == nil else { throw Problem.forbidden("This is for whoever may use all workspaces.") }
            return try await release(.tenant, identity.tenant.description, by: identity, context)
        }
        router.get("/api/v1/domains/{id}/reputation") { request, context in
            let identity = try context.requireIdentity()
            let domain = try await domain(context, for: identity)
            return try await answer(.domain(domain), domain: domain, request, identity)
        }
        router.post("/api/v1/domains/{id}/reputation/resume") { _, context in
            let identity = try context.require(atLeast: .admin)
            return try await release(.domain, try await domain(context, for: identity), by: identity, context)
        }
        router.get("/api/v1/mailboxes/{id}/reputation") { request, context in
            let identity = try context.requireIdentity()
            let id = try context.identifier("id", as: MailboxID.self)
            guard let mailbox = try await store.mailbox(id, of: identity.tenant), identity.mayUse(mailbox.workspace) else {
                throw Problem.notFound("mailbox")
            }
            return try await answer(.mailbox(id), domain: mailbox.address.split(separator: "@").last.map(String.init) ?? "", request, identity)
        }
    }

    static func filter(_ request: Request) throws(Problem) -> ReputationList.Filter {
        var filter = ReputationList.Filter()
        let parameters = request.uri.queryParameters
        if let text = parameters["scope"] {
            guard let scope = ReputationScope(rawValue: String(text)) else { throw Problem.invalid("scope is domain or mailbox.", field: "scope") }
            filter.scope = scope
        }
        if let text = parameters["band"] {
            guard let band = ReputationScore.Band(rawValue: String(text)) else {
                throw Problem.invalid("band is green, yellow or red.", field: "band")
            }
            filter.band = band
        }
        if let text = parameters["held"] {
            guard let isHeld = Bool(String(text)) else { throw Problem.invalid("held is true or false.", field: "held") }
            filter.isHeld = isHeld
        }
        return filter
    }

    private func answer(
        _ subject: ReputationStore.Subject, domain: String, _ request: Request, _ identity: Identity
    ) async throws -> Response {
        var history = 30
        if let text = request.uri.queryParameters["days"] {
            guard let days = Int(text), (1...ReputationView.mostDays).contains(days) else {
                throw Problem.invalid("days must be a number from 1 to \(ReputationView.mostDays).", field: "days")
            }
            history = days
        }
        let now = clock.now
        let today = CivilDay.number(at: now)
        let tenant = identity.tenant
        let days = try await store.days(of: subject, tenant, from: ReputationView.firstDay(history: history, today: today), to: today)
        let mailbox: MailboxID? = if case .mailbox(let id) = subject { id } else { nil }
        return try Response.json(
            ReputationView(
                subject, domain: domain, history: history, days: days,
                blacklists: try await store.blacklists(of: domain, mailbox: mailbox, tenant),
                hold: try await store.hold(over: domain, of: tenant), now: now))
    }

    /// The domain that the path names, by its name or its identifier: one of a workspace of the asker's, or one that a mailbox of such sends from.
    private func domain(_ context: AppContext, for identity: Identity) async throws -> String {
        let text = (context.parameters.get("id").flatMap { $0.removingPercentEncoding } ?? "").lowercased()
        guard (1...253).contains(text.utf8.count) else { throw Problem.notFound("domain") }
        let known = try await directory.find(identity.tenant, text)
        if let known, identity.mayUse(known.workspace) { return known.name }
        let name = known?.name ?? text
        guard try await store.workspaces(of: name, identity.tenant).contains(where: identity.mayUse) else { throw Problem.notFound("domain") }
        return name
    }

    private func release(
        _ scope: ComplaintHold.Scope, _ subject: String, by identity: Identity, _ context: AppContext
    ) async throws -> Response {
        let now = clock.now
        let release = ComplaintHolds.Release(
            tenant: identity.tenant, scope: scope, subject: subject, isByStaff: false, actor: identity.actor,
            audit: context.audit("complaints.release", targets: [.init(type: scope.rawValue, id: subject)]))
        let holds = holds
        let hold = try await api.transaction(as: identity.tenant) { try await holds.release(release, now: now, in: $0) }
        outbox.wake()
        wakeup.signal()
        return try Response.json(hold)
    }
}
