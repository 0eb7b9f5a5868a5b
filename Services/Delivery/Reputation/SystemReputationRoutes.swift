import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Everybody's reputation for the platform's staff, and the end of a hold before its time.
struct SystemReputationRoutes {
    let list: ReputationList
    let holds: ComplaintHolds
    let worker: Database
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock

    private struct ReleaseRequest: Decodable {
        let tenant: TenantID
        let scope: ComplaintHold.Scope
        /// The domain; not for the whole company.
        let domain: String?
        let reason: String
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/platform/system/reputation") { request, context in
            _ = try context.require(staff: .ops, .support)
            let page = try PageRequest(request)
            var tenant: TenantID?
            if let text = request.uri.queryParameters["tenant"] {
                tenant = TenantID(text)
                guard tenant != nil else { throw Problem.invalid("tenant must be the identifier of a company.", field: "tenant") }
            }
            let found = try await list.everybody(
                tenant: tenant, try ReputationRoutes.filter(request), after: try page.after(ReputationList.PlatformPlace.self),
                limit: page.limit + 1)
            return try Response.json(
                Page(found, limit: page.limit) {
                    ReputationList.PlatformPlace(tenant: $0.tenant ?? .zero, scope: $0.scope, subject: $0.subject)
                })
        }
        router.post("/api/v1/platform/system/reputation/release") { request, context in
            let identity = try context.require(staff: .ops)
            let input = try await request.json(ReleaseRequest.self)
            let reason = input.reason.trimmingCharacters(in: .whitespacesAndNewlines)
            guard (1...200).contains(reason.count) else { throw Problem.invalid("reason must have 1 to 200 characters.", field: "reason") }
            let subject = input.scope == .tenant ? input.tenant.description : (input.domain ?? "").lowercased()
            guard (1...253).contains(subject.utf8.count) else { throw Problem.invalid("domain names the domain.", field: "domain") }
            let now = clock.now
            let release = ComplaintHolds.Release(
                tenant: input.tenant, scope: input.scope, subject: subject, isByStaff: true, actor: identity.actor,
                audit: context.audit(
                    "complaints.release", targets: [.init(type: input.scope.rawValue, id: subject)], metadata: ["reason": reason]))
            let holds = holds
            let hold = try await worker.transaction { try await holds.release(release, now: now, in: $0) }
            outbox.wake()
            wakeup.signal()
            return try Response.json(hold)
        }
    }
}
