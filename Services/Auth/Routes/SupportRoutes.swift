import Contracts
import Foundation
import HTTP
import Hummingbird
import Primitives

/// Support's looks into companies: begun by staff with a reason, seen by the company's owners and admins.
struct SupportRoutes {
    let support: SupportSessions

    private struct BeginRequest: Decodable {
        let tenant: TenantID
        let reason: String
        let ticket: String
        let minutes: Int?
        let scope: [String]?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/support-sessions") { request, context in
            let page = try PageRequest(request)
            let start = try page.after(UUID.self)
            // Staff who ask for their own say so; everybody else sees what was done to the company.
            let scope = request.uri.queryParameters["scope"]
            guard scope == nil || scope == "mine" || scope == "company" else {
                throw Problem.invalid("scope must be mine or company.", field: "scope")
            }
            let list =
                if scope == "mine" {
                    try await support.list(by: try context.require(staff: .support).user, before: start, limit: page.limit + 1)
                } else {
                    try await support.list(of: try context.require(atLeast: .admin).tenant, before: start, limit: page.limit + 1)
                }
            return try Response.json(Page(list, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/support-sessions") { request, context in try await begin(request, context) }
        router.delete("/api/v1/support-sessions/{id}") { _, context in
            let staff = try context.require(staff: .support)
            guard let id = context.parameters.get("id").flatMap({ UUID(text: $0) }),
                try await support.end(id, by: staff, audit: audit(context))
            else { throw Problem.notFound("support session") }
            return Response.noContent
        }
    }

    private func begin(_ request: Request, _ context: AppContext) async throws -> Response {
        let staff = try context.require(staff: .support)
        let input = try await request.json(BeginRequest.self)
        let reason = input.reason.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (10...500).contains(reason.count) else { throw Problem.invalid("reason must have 10 to 500 characters.", field: "reason") }
        let ticket = input.ticket.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...100).contains(ticket.count) else { throw Problem.invalid("ticket must have 1 to 100 characters.", field: "ticket") }
        let minutes = input.minutes ?? 60
        guard (1...60).contains(minutes) else { throw Problem.invalid("minutes must be 1 to 60.", field: "minutes") }
        let wish = SupportSessions.Wish(
            tenant: input.tenant, reason: reason, ticket: ticket, scope: try Self.scope(input.scope), length: TimeInterval(minutes * 60))
        let begun = try await support.begin(wish, by: staff, audit: audit(context))
        guard let begun else { throw Problem.notFound("company") }
        return try .json(begun, status: .created)
    }

    /// What may be read, each once; the trail where nothing is said.
    private static func scope(_ words: [String]?) throws(Problem) -> [SupportScope] {
        guard let words else { return [.audit] }
        let known = SupportScope.allCases.filter { words.contains($0.rawValue) }
        guard !known.isEmpty, words.allSatisfy({ SupportScope(rawValue: $0) != nil }) else {
            let all = SupportScope.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem.invalid("scope must name at least one of: \(all).", field: "scope")
        }
        return known
    }

    private func audit(_ context: AppContext) -> SupportSessions.Audit {
        { context.audit($0, targets: $1, metadata: $2) }
    }
}
