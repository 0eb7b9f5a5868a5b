import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres

/// A tenant's own trail, for its owners and admins.
struct TrailRoutes {
    let database: Database

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/audit/events") { request, context in
            let identity = try Self.reader(context)
            let page = try PageRequest(request)
            let events = try await TrailStore.page(
                of: identity.tenant, try Self.filter(request), before: try page.after(EventID.self), limit: page.limit + 1, in: database)
            return try Response.json(Page(events, limit: page.limit) { $0.id })
        }
    }

    /// The company's owners and admins, or support with a stated reason: the token then names the company that reason is about.
    private static func reader(_ context: AppContext) throws(Problem) -> Identity {
        let identity = try context.requireIdentity()
        return identity.support == nil ? try context.require(atLeast: .admin) : identity
    }

    static func filter(_ request: Request) throws(Problem) -> TrailFilter {
        let parameters = request.uri.queryParameters
        func text(_ name: String) throws(Problem) -> String? {
            guard let value = parameters[Substring(name)].map(String.init) else { return nil }
            guard (1...200).contains(value.utf8.count), !value.utf8.contains(0) else {
                throw Problem.invalid("\(name) takes 1 to 200 characters.", field: name)
            }
            return value
        }
        func instant(_ name: String) throws(Problem) -> Date? {
            guard let value = try text(name) else { return nil }
            guard let date = WireJSON.parse(value) else {
                throw Problem.invalid("\(name) must be an instant such as 2026-11-23T18:00:00Z.", field: name)
            }
            return date
        }
        let outcome = try text("outcome")
        if let outcome, !["success", "failure", "denied"].contains(outcome) {
            throw Problem.invalid("outcome must be success, failure or denied.", field: "outcome")
        }
        return TrailFilter(
            actor: try text("actor"), action: try text("action"), outcome: outcome, target: try text("target"), from: try instant("from"),
            to: try instant("to"))
    }
}
