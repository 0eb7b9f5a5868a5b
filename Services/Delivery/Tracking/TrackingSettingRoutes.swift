import Contracts
import Foundation
import HTTP
import Hummingbird
import Mail

/// A company's tracking, as its people set it and look at it.
struct TrackingSettingRoutes {
    let tracking: TenantTracking

    private struct Addresses: Codable {
        let addresses: [String]
    }

    private struct Removed: Encodable {
        let removed: Int
    }

    func add(to router: Router<AppContext>) {
        let group = router.group("/api/v1/tracking")
        group.get("settings") { _, context in
            try Response.json(try await tracking.settings(of: try context.requireIdentity().tenant))
        }
        group.put("settings") { request, context in
            let identity = try context.require(atLeast: .admin)
            let settings = try await request.json(TrackingSettings.self)
            try await tracking.set(settings, by: identity) { changes in
                context.audit("tracking_settings.change", targets: [.init(type: "tenant", id: identity.tenant.description)], changes: changes)
            }
            return try Response.json(settings)
        }
        group.get("opt-outs") { request, context in
            let identity = try wholeCompany(try context.requireIdentity())
            let page = try PageRequest(request)
            let found = try await tracking.optOuts(of: identity.tenant, after: try page.after(String.self), limit: page.limit + 1)
            return try Response.json(Page(found, limit: page.limit) { $0.subject })
        }
        group.post("opt-outs") { request, context in
            let identity = try wholeCompany(try context.require(atLeast: .member))
            let addresses = try checked(try await request.json(Addresses.self, limit: 256 * 1024).addresses)
            try await tracking.leaveOut(addresses, by: identity, audit: record(context, "tracking_opt_out.add", addresses.count))
            return Response.noContent
        }
        group.post("opt-outs/remove") { request, context in
            let identity = try wholeCompany(try context.require(atLeast: .member))
            let addresses = try checked(try await request.json(Addresses.self, limit: 256 * 1024).addresses)
            let removed = try await tracking.takeBack(addresses, by: identity, audit: record(context, "tracking_opt_out.remove", addresses.count))
            return try Response.json(Removed(removed: removed))
        }
        group.get("sends/{id}") { _, context in
            let identity = try context.requireIdentity()
            guard let counts = try await tracking.counts(of: try context.identifier("id", as: SendID.self), for: identity) else {
                throw Problem.notFound("send")
            }
            return try Response.json(Page(counts, limit: max(1, counts.count)) { $0.link })
        }
    }

    /// Opt-outs are the company's: who is limited to workspaces has no say in them.
    private func wholeCompany(_ identity: Identity) throws(Problem) -> Identity {
        guard identity.workspaces == nil else { throw Problem.forbidden("This concerns the whole company; you are limited to some workspaces.") }
        return identity
    }

    private func record(_ context: AppContext, _ action: String, _ count: Int) -> AuditRecord {
        context.audit(
            action, targets: [.init(type: "tenant", id: context.identity?.tenant.description ?? "")], metadata: ["addresses": String(count)])
    }

    private func checked(_ addresses: [String]) throws(Problem) -> [String] {
        guard (1...500).contains(addresses.count) else { throw Problem.invalid("addresses must have 1 to 500 entries.", field: "addresses") }
        var checked = Set<String>()
        for (index, address) in addresses.enumerated() {
            do throws(MailAddressError) {
                checked.insert(try MailAddress(address, allowingUTF8: true).normalized)
            } catch {
                throw Problem.invalid("addresses[\(index)]: \(error).", field: "addresses")
            }
        }
        return Array(checked)
    }
}
