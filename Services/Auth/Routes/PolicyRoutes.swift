import Contracts
import Foundation
import HTTP
import Hummingbird

/// What a company asks of its people: admins see it, owners who have just given the password set it.
struct PolicyRoutes {
    let policies: TenantPolicies
    let guardian: SessionGuard

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/tenants/current/policy") { _, context in
            try Response.json(try await policies.read(of: try context.require(atLeast: .admin).tenant))
        }
        router.put("/api/v1/tenants/current/policy") { request, context in
            let identity = try context.require(atLeast: .owner)
            _ = try await guardian.freshSession(of: request)
            let policy = try await request.json(TenantPolicy.self)
            if let fault = policy.fault { throw Problem.invalid(fault.detail, field: fault.field) }
            try await policies.set(policy, by: identity) { changes in
                context.audit(
                    "tenant.policy_change", targets: [.init(type: "tenant", id: identity.tenant.description)], changes: changes)
            }
            return try Response.json(policy)
        }
    }
}
