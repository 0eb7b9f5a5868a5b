import Contracts
import DNS
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// A tenant's domains.
struct DomainRoutes {
    private static let mostSelectors = 5

    let domains: Domains
    let certificates: CertificateViews

    struct AddRequest: Codable {
        let workspace: WorkspaceID
        let domain: String
        let dkimSelectors: [String]?
    }

    private struct ChangeRequest: Codable {
        let dkimSelectors: [String]
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/domains") { request, context in try await addDomain(request, context) }
        router.get("/api/v1/domains") { request, context in try await list(request, context) }
        router.get("/api/v1/domains/{id}") { _, context in
            let identity = try context.requireIdentity()
            return try await answer(try await domains.find(try id(context), for: identity), for: identity)
        }
        router.post("/api/v1/domains/{id}/check") { _, context in
            let identity = try context.require(atLeast: .member)
            return try await answer(try await domains.check(try id(context), by: identity), for: identity)
        }
        router.patch("/api/v1/domains/{id}") { request, context in
            let identity = try context.require(atLeast: .member)
            let selectors = try checked(selectors: try await request.json(ChangeRequest.self).dkimSelectors)
            let changed = try await domains.set(selectors: selectors, of: try id(context), by: identity) { target in
                context.audit("domain.update", targets: [target], metadata: ["dkim_selectors": selectors.joined(separator: ",")])
            }
            return try await answer(changed, for: identity)
        }
        router.delete("/api/v1/domains/{id}") { _, context in
            let identity = try context.require(atLeast: .member)
            try await domains.remove(try id(context), by: identity) { context.audit("domain.remove", targets: [$0]) }
            return Response.noContent
        }
    }

    private func answer(_ domain: SendingDomain, for identity: Identity, status: HTTPResponse.Status = .ok) async throws -> Response {
        try Response.json(try await certificates.add(to: [domain], of: identity.tenant)[0], status: status)
    }

    private func id(_ context: AppContext) throws(Problem) -> DomainID {
        try context.identifier("id", as: DomainID.self)
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requireIdentity()
        let page = try PageRequest(request)
        var workspaces = identity.workspaces
        if let text = request.uri.queryParameters["workspace"] {
            guard let workspace = WorkspaceID(text) else { throw Problem.invalid("workspace must be an identifier.", field: "workspace") }
            guard identity.mayUse(workspace) else { throw Problem.notFound("workspace") }
            workspaces = [workspace]
        }
        let found = try await domains.store.list(
            of: identity.tenant, in: workspaces, after: try page.after(DomainID.self), limit: page.limit + 1)
        let short = found.map { domain in
            var domain = domain
            domain.showsRecords = false
            return domain
        }
        return try Response.json(Page(try await certificates.add(to: short, of: identity.tenant), limit: page.limit) { $0.id })
    }

    private func addDomain(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(AddRequest.self)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        let new = Domains.New(
            workspace: input.workspace, name: try checked(domain: input.domain), selectors: try checked(selectors: input.dkimSelectors ?? []))
        return try await domains.idempotency.once(request, as: identity, body: input) {
            try await answer(
                try await domains.add(new, by: identity) { context.audit("domain.add", targets: [$0]) }, for: identity, status: .created)
        }
    }

    /// A host name of at least two labels that is not a mail provider's own.
    private func checked(domain text: String) throws(Problem) -> String {
        let words = text.trimmingCharacters(in: .whitespaces)
        guard words.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw Problem.invalid("domain must be in its ASCII form, which begins with xn-- where it has other letters.", field: "domain")
        }
        // The longest name asked for is a selector's, twice behind each other when it was published wrongly.
        guard let name = DNSName.normalized(words), name.utf8.count <= 190, Self.isHostName(name) else {
            throw Problem.invalid("domain must be a domain such as example.com.", field: "domain")
        }
        guard !MailProvider.isOwn(domain: name) else {
            throw Problem.unprocessable(
                kind: "domain_of_provider", title: "This domain is a mail provider's.",
                detail: "Its mail is authenticated by the provider; connect the mailbox, and nothing has to be published.")
        }
        return name
    }

    private static func isHostName(_ name: String) -> Bool {
        let labels = name.split(separator: ".")
        guard labels.count >= 2, let top = labels.last, !top.allSatisfy(\.isNumber) else { return false }
        return labels.allSatisfy { !$0.hasPrefix("-") && !$0.hasSuffix("-") && !$0.contains("_") }
    }

    private func checked(selectors: [String]) throws(Problem) -> [String] {
        guard selectors.count <= Self.mostSelectors else {
            throw Problem.invalid("dkim_selectors takes at most \(Self.mostSelectors).", field: "dkim_selectors")
        }
        var names: [String] = []
        for selector in selectors {
            guard let name = DNSName.normalized(selector), name.utf8.count <= 63 else {
                throw Problem.invalid("A selector is a name such as selector1.", field: "dkim_selectors")
            }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }
}
