import Contracts
import Foundation
import HTTP
import Hummingbird

/// A company's own fields of leads.
struct CustomFieldRoutes {
    private static let mostChoices = 200

    let fields: CustomFields
    let idempotency: IdempotencyKeys

    struct CreateRequest: Codable {
        let key: String
        let name: String
        let kind: CustomFieldKind
        let choices: [String]?
    }

    private struct ChangeRequest: Decodable {
        let key: String?
        let name: String?
        let kind: CustomFieldKind?
        let choices: [String]?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/leads/fields") { _, context in
            let all = try await CustomFieldStore.list(of: try context.requireIdentity().tenant, in: fields.database)
            return try Response.json(Page(all, limit: max(1, all.count)) { $0.id })
        }
        router.post("/api/v1/leads/fields") { request, context in try await create(request, context) }
        router.get("/api/v1/leads/fields/{id}") { _, context in try Self.answer(try await find(context)) }
        router.patch("/api/v1/leads/fields/{id}") { request, context in try await change(request, context) }
        router.delete("/api/v1/leads/fields/{id}") { request, context in
            let identity = try context.require(atLeast: .admin)
            let id = try context.identifier("id", as: CustomFieldID.self, called: "field")
            try await fields.delete(id, expecting: try Revision.required(by: request), by: LeadActor(identity, context))
            return Response.noContent
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        // They are the company's, not one workspace's.
        let identity = try context.require(atLeast: .admin)
        let input = try await request.json(CreateRequest.self)
        guard CustomField.isKey(input.key) else {
            throw Problem.invalid(
                "key must have 1 to 64 small letters, digits and underscores, begin with a letter, and be no name that leads have anyway.",
                field: "key")
        }
        let name = try checkedName(input.name)
        guard (input.kind == .choice) == (input.choices != nil) else {
            throw Problem.invalid("A field of kind choice, and no other, has choices.", field: "choices")
        }
        let choices = try Self.checked(choices: input.choices ?? [], kind: input.kind)
        return try await idempotency.once(request, as: identity, body: input) {
            let field = try await fields.create(
                key: input.key, name: name, kind: input.kind, choices: choices, by: LeadActor(identity, context))
            return try Response.json(field, status: .created, headers: Revision(field.revision).header)
        }
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        let expected = try Revision.required(by: request)
        let old = try await find(context)
        let input = try await request.json(ChangeRequest.self)
        guard input.kind ?? old.kind == old.kind, input.key ?? old.key == old.key else {
            throw Problem.unprocessable(
                kind: "field_is_fixed", title: "A field keeps its key and its kind.",
                detail: "Leads have values that were written for them. Make another field.")
        }
        var choices: [String]?
        if let given = input.choices { choices = try Self.checked(choices: given, kind: .choice) }
        var name: String?
        if let given = input.name { name = try checkedName(given) }
        return try Self.answer(
            try await fields.change(old.id, name: name, choices: choices, expecting: expected, by: LeadActor(identity, context)))
    }

    private func find(_ context: AppContext) async throws -> CustomField {
        let identity = try context.requireIdentity()
        let id = try context.identifier("id", as: CustomFieldID.self, called: "field")
        guard let field = try await CustomFieldStore.find(id, of: identity.tenant, in: fields.database) else { throw Problem.notFound("field") }
        return field
    }

    private static func answer(_ field: CustomField) throws -> Response {
        try Response.json(field, headers: Revision(field.revision).header)
    }

    private static func checked(choices: [String], kind: CustomFieldKind) throws(Problem) -> [String] {
        guard kind == .choice else { return [] }
        let choices = choices.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        guard (1...mostChoices).contains(choices.count), Set(choices).count == choices.count,
            choices.allSatisfy({ (1...100).contains($0.count) && $0.utf8.count <= 1_000 })
        else { throw Problem.invalid("choices must be 1 to \(mostChoices) different texts of 1 to 100 characters.", field: "choices") }
        return choices
    }
}
