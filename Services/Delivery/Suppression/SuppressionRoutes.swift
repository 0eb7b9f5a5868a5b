import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Mail
import Primitives

/// A company's list of those who must not be written to.
struct SuppressionRoutes {
    let list: TenantSuppressions

    struct NewEntry: Codable {
        let address: String
        var reason: SuppressionReason?
        var note: String?
        var expiresAt: Date?
    }

    private struct AddRequest: Codable {
        var workspace: WorkspaceID?
        /// One, in the open.
        var address: String?
        var reason: SuppressionReason?
        var note: String?
        var expiresAt: Date?
        /// Or many.
        var entries: [NewEntry]?
    }

    private struct AddAnswer: Encodable {
        let added: Int
        let known: Int
    }

    private struct CheckRequest: Codable {
        let addresses: [String]
        var workspace: WorkspaceID?
    }

    func add(to router: Router<AppContext>) {
        let group = router.group("/api/v1/suppressions")
        group.get { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let found = try await list.list(
                try filter(request, identity), for: identity, before: try page.after(SuppressionID.self), limit: page.limit + 1)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        group.get("export") { request, context in
            let identity = try context.require(atLeast: .member)
            let filter = try filter(request, identity)
            try await list.noteExport(filter, by: identity) { target, metadata in
                context.audit("suppression.export", targets: [target], metadata: metadata)
            }
            return SuppressionFile(list: list, filter: filter, identity: identity).response
        }
        group.post { request, context in try await add(request, context) }
        group.post("import") { request, context in try await importFile(request, context) }
        group.post("check") { request, context in
            let identity = try context.requireIdentity()
            let input = try await request.json(CheckRequest.self, limit: 256 * 1024)
            if let workspace = input.workspace { _ = try context.require(atLeast: .viewer, in: workspace) }
            guard (1...500).contains(input.addresses.count), input.addresses.allSatisfy({ (1...320).contains($0.utf8.count) }) else {
                throw Problem.invalid("addresses must have 1 to 500 entries of at most 320 bytes.", field: "addresses")
            }
            let verdicts = try await list.check(input.addresses, workspace: input.workspace, for: identity)
            return try Response.json(Page(verdicts, limit: verdicts.count) { $0.address })
        }
        group.get("{id}") { _, context in
            let identity = try context.requireIdentity()
            guard let found = try await list.find(try context.identifier("id", as: SuppressionID.self, called: "suppression"), for: identity) else {
                throw Problem.notFound("suppression")
            }
            return try Response.json(found)
        }
        group.delete("{id}") { request, context in try await lift(request, context) }
    }

    private func filter(_ request: Request, _ identity: Identity) throws(Problem) -> SuppressionFilter {
        let parameters = request.uri.queryParameters
        var filter = SuppressionFilter()
        if let text = parameters["workspace"] {
            guard let workspace = WorkspaceID(text) else { throw Problem.invalid("workspace must be an identifier.", field: "workspace") }
            guard identity.mayUse(workspace) else { throw Problem.notFound("workspace") }
            filter.workspace = workspace
        }
        if let text = parameters["reason"] {
            let reason = SuppressionReason(rawValue: String(text))
            guard SuppressionReason.known.contains(reason) else {
                throw Problem.invalid("reason must be one of \(SuppressionReason.known.map(\.rawValue).joined(separator: ", ")).", field: "reason")
            }
            filter.reason = reason
        }
        if let text = parameters["kind"] {
            guard ["address", "domain", "erased"].contains(text) else {
                throw Problem.invalid("kind must be address, domain or erased.", field: "kind")
            }
            filter.kind = String(text)
        }
        if let text = parameters["address"] {
            guard (3...320).contains(text.utf8.count), text.contains("@") else {
                throw Problem.invalid("address must be a whole address, or a domain behind its @.", field: "address")
            }
            filter.address = String(text)
        }
        if let text = parameters["ended"] {
            guard let ended = Bool(String(text)) else { throw Problem.invalid("ended must be true or false.", field: "ended") }
            filter.includesEnded = ended
        }
        return filter
    }

    /// The workspace that a change is for; without one it is the whole company's, which those who are limited to workspaces do not change.
    private func scope(_ workspace: WorkspaceID?, _ context: AppContext) throws(Problem) -> (Identity, SuppressionStore.Scope) {
        guard let workspace else {
            let identity = try context.require(atLeast: .member)
            guard identity.workspaces == nil else {
                throw Problem.forbidden("You are limited to some workspaces; name one of them.")
            }
            return (identity, .tenant)
        }
        return (try context.require(atLeast: .member, in: workspace), .init(workspace: workspace))
    }

    private func add(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(AddRequest.self, limit: 512 * 1024)
        let (identity, scope) = try scope(input.workspace, context)
        let wanted: [NewEntry]
        switch (input.address, input.entries) {
        case (let address?, nil): wanted = [NewEntry(address: address, reason: input.reason, note: input.note, expiresAt: input.expiresAt)]
        case (nil, let entries?):
            guard (1...500).contains(entries.count) else { throw Problem.invalid("entries must have 1 to 500 entries.", field: "entries") }
            wanted = entries
        default: throw Problem.invalid("Give address, or entries.", field: "address")
        }
        var entries: [SuppressionStore.Entry] = []
        for (index, entry) in wanted.enumerated() {
            entries.append(try Self.checked(entry, field: input.entries == nil ? "" : "entries[\(index)].", now: list.clock.now))
        }
        let record = context.audit(
            "suppression.add", targets: [Self.target(scope, identity)],
            metadata: ["entries": String(entries.count), "reasons": Set(entries.map(\.reason.rawValue)).sorted().joined(separator: ", ")])
        let added = try await list.add(entries, scope, source: identity.apiKey == nil ? "console" : "api", by: identity, audit: record)
        return try Response.json(AddAnswer(added: added, known: Set(entries.map(\.subject)).count - added), status: added > 0 ? .created : .ok)
    }

    /// `field`: what stands before the names of its fields.
    static func checked(_ entry: NewEntry, field: String, now: Date) throws(Problem) -> SuppressionStore.Entry {
        let subject: SuppressionSubject
        do throws(MailAddressError) {
            subject = try SuppressionSubject(entry.address)
        } catch {
            throw Problem.invalid("\(field)address: \(error).", field: "\(field)address")
        }
        let reason = entry.reason ?? .manual
        guard SuppressionReason.known.contains(reason) else {
            throw Problem.invalid(
                "\(field)reason must be one of \(SuppressionReason.known.map(\.rawValue).joined(separator: ", ")).", field: "\(field)reason")
        }
        let note = entry.note?.trimmingCharacters(in: .whitespacesAndNewlines)
        guard note.map({ $0.count <= SuppressionRow.longestNote }) ?? true else {
            throw Problem.invalid("\(field)note must have at most \(SuppressionRow.longestNote) characters.", field: "\(field)note")
        }
        guard entry.expiresAt.map({ $0 > now }) ?? true else {
            throw Problem.invalid("\(field)expires_at must be in the future.", field: "\(field)expires_at")
        }
        return .init(subject: subject.text, reason: reason, note: note?.isEmpty == true ? nil : note, expiresAt: entry.expiresAt)
    }

    static func target(_ scope: SuppressionStore.Scope, _ identity: Identity) -> AuditRecord.Target {
        scope.workspace.map { .init(type: "workspace", id: $0.description) } ?? .init(type: "tenant", id: identity.tenant.description)
    }

    private func importFile(_ request: Request, _ context: AppContext) async throws -> Response {
        let type = request.headers[.contentType]?.lowercased() ?? ""
        guard type.hasPrefix("text/csv") || type.hasPrefix("text/plain") || type.hasPrefix("text/tab-separated-values") else {
            throw Problem(
                .unsupportedMediaType, kind: "unsupported_media_type", title: "This route takes a file.", detail: "Send Content-Type: text/csv.")
        }
        if let length = request.headers[.contentLength].flatMap(Int.init), length > SuppressionImport.largest {
            throw Problem.tooLarge(limit: SuppressionImport.largest)
        }
        let parameters = request.uri.queryParameters
        var workspace: WorkspaceID?
        if let text = parameters["workspace"] {
            workspace = WorkspaceID(text)
            guard workspace != nil else { throw Problem.invalid("workspace must be an identifier.", field: "workspace") }
        }
        let reason = parameters["reason"].map { SuppressionReason(rawValue: String($0)) } ?? .imported
        guard SuppressionReason.known.contains(reason) else { throw Problem.invalid("reason is not one of ours.", field: "reason") }
        let (identity, scope) = try scope(workspace, context)
        let result = try await SuppressionImport(list: list).run(request.body, scope, reason: reason, by: identity) { result in
            context.audit(
                "suppression.import", targets: [Self.target(scope, identity)],
                metadata: ["rows": String(result.rows), "added": String(result.added), "rejected": String(result.rejected)])
        }
        return try Response.json(result)
    }

    /// What a person asked for, or the law, is lifted by owners and admins alone, who say why.
    private func lift(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member)
        let id = try context.identifier("id", as: SuppressionID.self, called: "suppression")
        let reason = try await LiftReason.read(request)
        guard let view = try await list.find(id, for: identity) else { throw Problem.notFound("suppression") }
        if view.workspace == nil, identity.workspaces != nil { throw Problem.forbidden("You are limited to some workspaces; this is the company's.") }
        if view.reason.isProtected {
            guard identity.role >= .admin else { throw Problem.forbidden("Only an owner or admin lifts what a person asked for.") }
            guard reason != nil else {
                throw Problem.unprocessable(
                    kind: "reason_required", title: "Say why this person may be written to again.", extensions: ["field": .text("reason")])
            }
        }
        var metadata = ["was": view.reason.rawValue, "scope": view.scope]
        metadata["address"] = view.address
        metadata["reason"] = reason
        let record = context.audit("suppression.lift", targets: [.init(type: "suppression", id: id.description)], metadata: metadata)
        guard try await list.lift(view, by: identity, audit: record) else { throw Problem.notFound("suppression") }
        return Response.noContent
    }
}
