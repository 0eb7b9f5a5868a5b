import Contracts
import Foundation
import HTTP
import Hummingbird
import Mail

/// The keys that sign a tenant's mail.
struct SigningKeyRoutes {
    let keys: DKIMKeys
    private var scope: SigningKeyScope { SigningKeyScope(database: keys.database) }

    private struct DomainRequest: Codable {
        let domain: String
    }

    private struct RetireRequest: Codable {
        let domain: String
        let selector: String
        let reason: String
    }

    private struct Keys: Encodable {
        let keys: [View]
    }

    /// A key as its owner sees it.
    struct View: Encodable {
        struct Record: Encodable {
            let name: String
            let type: String
            let value: String
        }

        let domain: String
        let selector: String
        let algorithm: String
        let state: SigningKey.State
        let record: Record
        /// What its owner has to do about the record: `publish`, `keep`, `remove` or nothing.
        let action: String
        let createdAt: Date
        let activatedAt: Date?
        let supersededAt: Date?
        /// When the record of a retiring key can go.
        let removableAt: Date?
        let retiredAt: Date?
        let checkedAt: Date?
        let seenAt: Date?

        init(_ key: SigningKey, policy: SigningKeyPolicy) {
            domain = key.domain
            selector = key.selector
            algorithm = key.algorithm.rawValue
            state = key.state
            record = Record(name: key.name, type: "TXT", value: key.publication.value)
            action =
                switch key.state {
                case .pending: "publish"
                case .active, .retiring: "keep"
                case .retired: key.removedAt == nil ? "remove" : "none"
                }
            (createdAt, activatedAt, supersededAt) = (key.createdAt, key.activatedAt, key.supersededAt)
            removableAt = key.state == .retiring ? policy.retirement(of: key) : nil
            (retiredAt, checkedAt, seenAt) = (key.retiredAt, key.checkedAt, key.seenAt)
        }
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/signing-keys") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let domain = try request.uri.queryParameters["domain"].map { try Self.domain(String($0)) }
            let start = try page.after(String.self).map { try Self.position($0) }
            let found = try await keys.list(
                of: identity.tenant, in: identity.workspaces, domain: domain, after: start, limit: page.limit + 1)
            let views = found.map { View($0, policy: keys.policy) }
            return try Response.json(Page(views, limit: page.limit) { "\($0.domain)/\($0.selector)" })
        }
        router.post("/api/v1/signing-keys") { request, context in
            let identity = try context.require(atLeast: .admin)
            let domain = try Self.domain(try await request.json(DomainRequest.self).domain)
            try await scope.requireControl(of: domain, identity)
            return try answer(try await keys.make(for: domain, of: identity.tenant, by: author(context)), status: .created)
        }
        router.post("/api/v1/signing-keys/rotate") { request, context in
            let identity = try context.require(atLeast: .admin)
            let domain = try Self.domain(try await request.json(DomainRequest.self).domain)
            try await scope.requireControl(of: domain, identity)
            return try answer(try await keys.rotate(domain, of: identity.tenant, by: author(context)))
        }
        router.post("/api/v1/signing-keys/check") { request, context in
            let identity = try context.require(atLeast: .member)
            let domain = try Self.domain(try await request.json(DomainRequest.self).domain)
            try await scope.requireSight(of: domain, identity)
            let found = try await keys.tend(domain, of: identity.tenant, by: author(context))
            guard !found.isEmpty else { throw Problem.notFound("signing key") }
            return try answer(found)
        }
        router.post("/api/v1/signing-keys/retire") { request, context in
            let identity = try context.require(atLeast: .admin)
            let input = try await request.json(RetireRequest.self)
            let reason = input.reason.trimmingCharacters(in: .whitespacesAndNewlines)
            guard (1...200).contains(reason.count) else { throw Problem.invalid("reason must have 1 to 200 characters.", field: "reason") }
            let domain = try Self.domain(input.domain)
            try await scope.requireControl(of: domain, identity)
            let key = try await keys.retire(input.selector, of: domain, identity.tenant, by: author(context), reason: reason)
            return try Response.json(View(key, policy: keys.policy))
        }
    }

    private func answer(_ found: [SigningKey], status: HTTPResponse.Status = .ok) throws -> Response {
        try Response.json(Keys(keys: found.map { View($0, policy: keys.policy) }), status: status)
    }

    private func author(_ context: AppContext) -> DKIMKeys.Author {
        DKIMKeys.Author(actor: context.actor, record: context.audit("", targets: []))
    }

    /// In lower case; what is no domain of a mail address has no keys.
    static func domain(_ text: String) throws(Problem) -> String {
        do throws(MailAddressError) {
            return try MailAddress("postmaster@\(text)").domain.lowercased()
        } catch {
            throw Problem.invalid("domain must be the domain of a mail address, such as example.com.", field: "domain")
        }
    }

    private static func position(_ cursor: String) throws(Problem) -> (domain: String, selector: String) {
        let parts = cursor.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw Problem.invalid("The cursor is not one that this list gave.", field: "cursor") }
        return (String(parts[0]), String(parts[1]))
    }
}
