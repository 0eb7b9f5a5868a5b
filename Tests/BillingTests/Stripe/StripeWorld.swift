import Foundation

/// What the double remembers, and how it changes: objects by account and id, and the answers that stand under idempotency keys.
struct StripeWorld: Sendable {
    struct Key: Hashable, Sendable {
        let account: String
        let id: String
    }

    private struct Answered: Sendable {
        let fingerprint: String
        let status: Int
        let body: DoubleJSON
    }

    struct Call: Sendable {
        let method: String
        let path: String
        /// As it was sent, to tell whether a key is used for something else.
        let raw: String
        let fields: [(String, String)]
        let account: String
        let key: String?
    }

    private(set) var objects: [Key: DoubleJSON] = [:]
    /// In which order they came, for lists.
    private var arrivals: [Key: Int] = [:]
    private var answered: [Key: Answered] = [:]
    private var count = 0
    /// Ids of events that their endpoint took.
    var delivered: Set<String> = []

    // MARK: - Keys

    /// Does what is asked, once under each key.
    mutating func answer(_ call: Call, at now: Date) -> (status: Int, body: DoubleJSON, isReplay: Bool) {
        let slot = call.key.map { Key(account: call.account, id: $0) }
        let fingerprint = "\(call.method) \(call.path)?\(call.raw)"
        if call.method == "POST", let slot, let known = answered[slot] {
            guard known.fingerprint == fingerprint else {
                let refusal = StripeRefusal(
                    status: 400, message: "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                    type: "idempotency_error")
                return (400, refusal.body, false)
            }
            return (known.status, known.body, true)
        }
        do throws(StripeRefusal) {
            let body = try execute(call, at: now)
            if call.method == "POST", let slot { answered[slot] = Answered(fingerprint: fingerprint, status: 200, body: body) }
            return (200, body, false)
        } catch {
            return (error.status, error.body, false)
        }
    }

    /// An answer that was given instead of the true one stands under the key from now on, as a failure in the middle of a call does.
    mutating func replaceAnswer(_ call: Call, status: Int, body: DoubleJSON) {
        guard let key = call.key else { return }
        let slot = Key(account: call.account, id: key)
        answered[slot] = Answered(fingerprint: "\(call.method) \(call.path)?\(call.raw)", status: status, body: body)
    }

    // MARK: - Objects

    func object(_ id: String, account: String = "") -> DoubleJSON? {
        objects[Key(account: account, id: id)]
    }

    mutating func store(_ object: DoubleJSON, account: String) {
        guard let id = object["id"].string else { return }
        let key = Key(account: account, id: id)
        if objects[key] == nil {
            count += 1
            arrivals[key] = count
        }
        objects[key] = object
    }

    mutating func identifier(_ prefix: String) -> String {
        count += 1
        return "\(prefix)double\(count)"
    }

    func find(_ id: String, account: String, parameter: String, status: Int = 400) throws(StripeRefusal) -> DoubleJSON {
        guard let object = object(id, account: account), !object["deleted"].truth else {
            throw .missing("object: '\(id)'", parameter: parameter, status: status)
        }
        return object
    }

    // MARK: - Operations

    private mutating func execute(_ call: Call, at now: Date) throws(StripeRefusal) -> DoubleJSON {
        guard let resource = StripeResource(path: call.path) else {
            throw StripeRefusal(status: 404, message: "Unrecognized request URL (\(call.method): \(call.path)).")
        }
        guard let parameters = try StripeParameterCheck.check(call.fields, of: "\(call.method) \(resource.template)") else {
            throw StripeRefusal(status: 404, message: "Unrecognized request URL (\(call.method): \(call.path)).")
        }
        if !call.account.isEmpty, object(call.account) == nil {
            throw StripeRefusal(
                status: 403, message: "The provided key does not have access to account '\(call.account)' (or that account does not exist).",
                code: "account_invalid")
        }
        try checkReferences(in: parameters, account: call.account, at: "")
        let place = StripePlace(account: call.account, now: now)
        var answer: DoubleJSON
        switch (call.method, resource.id, resource.action) {
        // Of a customer that was deleted, Stripe still says so.
        case ("GET", let id?, nil) where resource.object == "customer" && object(id, account: call.account)?["deleted"].truth == true:
            answer = ["id": .text(id), "object": "customer", "deleted": true]
        case ("GET", let id?, nil): answer = try find(id, account: call.account, parameter: "id", status: 404)
        case ("GET", nil, nil): answer = try list(resource.object, parameters, place)
        case ("GET", nil, "search"): answer = try search(resource.object, parameters, place)
        case ("POST", nil, "create_preview"): answer = try preview(parameters, place)
        case ("POST", nil, nil): answer = try create(resource, parameters, place)
        case ("POST", let id?, let action):
            let known = try find(id, account: call.account, parameter: "id", status: 404)
            answer = try change(known, action, parameters, place)
        case ("DELETE", let id?, nil):
            let known = try find(id, account: call.account, parameter: "id", status: 404)
            answer = try remove(known, parameters, place)
        default: throw StripeRefusal(status: 404, message: "Unrecognized request URL (\(call.method): \(call.path)).")
        }
        for path in parameters["expand"].elements.compactMap(\.string) {
            answer = try expanded(answer, path.split(separator: ".").map(String.init)[...], whole: path, account: call.account)
        }
        return answer
    }

    private static let references = ["customer": "cus_", "subscription": "sub_", "price": "price_", "product": "prod_"]

    private func checkReferences(in value: DoubleJSON, account: String, at place: String) throws(StripeRefusal) {
        switch value {
        case .map(let members):
            for (name, member) in members where name != "metadata" {
                let inner = place.isEmpty ? name : "\(place)[\(name)]"
                if let id = member.string, let prefix = Self.references[name], id.hasPrefix(prefix) {
                    _ = try find(id, account: account, parameter: inner)
                } else {
                    try checkReferences(in: member, account: account, at: inner)
                }
            }
        case .list(let elements):
            for (index, element) in elements.enumerated() { try checkReferences(in: element, account: account, at: "\(place)[\(index)]") }
        default: break
        }
    }

    private func expanded(
        _ value: DoubleJSON, _ path: ArraySlice<String>, whole: String, account: String
    ) throws(StripeRefusal) -> DoubleJSON {
        guard let first = path.first else { return value }
        if case .list(let elements) = value {
            var changed: [DoubleJSON] = []
            for element in elements { changed.append(try expanded(element, path, whole: whole, account: account)) }
            return .list(changed)
        }
        guard case .map(let members) = value, let member = members[first] else {
            throw StripeRefusal(status: 400, message: "This property cannot be expanded (\(whole)).", parameter: "expand[]")
        }
        var changed = value
        var inner = member
        if let id = member.string, let object = object(id, account: account) { inner = object }
        if first == "confirmation_secret", let id = value["id"].string { inner = ["client_secret": "\(id)_secret_double", "type": "payment_intent"] }
        if inner != .null { inner = try expanded(inner, path.dropFirst(), whole: whole, account: account) }
        changed[first] = inner
        return changed
    }

    // MARK: - Lists

    private func list(_ kind: String, _ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) -> DoubleJSON {
        guard parameters["types"].elements.count <= 20 else { throw .invalid("types must be at most 20.", parameter: "types") }
        let rows = newestFirst(kind, place.account).filter { StripeFilter.matches($0, parameters, delivered: delivered) }
        let limit = Int(parameters["limit"].number ?? 10)
        guard (1...100).contains(limit) else {
            throw .invalid("Invalid integer: limit must be between 1 and 100", code: "parameter_invalid_integer", parameter: "limit")
        }
        func position(_ cursor: String) throws(StripeRefusal) -> Int? {
            guard let id = parameters[cursor].string else { return nil }
            guard let index = rows.firstIndex(where: { $0["id"].string == id }) else { throw .missing("object: '\(id)'", parameter: cursor) }
            return index
        }
        let page: ArraySlice<DoubleJSON>
        let hasMore: Bool
        if let end = try position("ending_before") {
            page = rows[max(0, end - limit)..<end]
            hasMore = end > limit
        } else {
            let start = try position("starting_after").map { $0 + 1 } ?? 0
            page = rows[start...].prefix(limit)
            hasMore = rows.count > start + limit
        }
        return ["object": "list", "data": .list(Array(page)), "has_more": .boolean(hasMore)]
    }

    /// Knows `metadata['name']:'value'`, and finds at once what Stripe's index finds within a minute; as the index may, it still finds what is
    /// deleted, as it was.
    private func search(_ kind: String, _ parameters: DoubleJSON, _ place: StripePlace) throws(StripeRefusal) -> DoubleJSON {
        let words = (parameters["query"].string ?? "").split(separator: "'", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 5, words[0] == "metadata[", words[2] == "]:" else {
            throw .invalid("The double searches for metadata['name']:'value' only.", parameter: "query")
        }
        let rows = newestFirst(kind, place.account, isIndex: true).filter { $0["metadata"][words[1]].string == words[3] }
            .map { $0.merged(with: ["deleted": .null]) }
        let page = rows.prefix(Int(parameters["limit"].number ?? 10))
        return ["object": "search_result", "data": .list(Array(page)), "has_more": .boolean(rows.count > page.count)]
    }

    private func newestFirst(_ kind: String, _ account: String, isIndex: Bool = false) -> [DoubleJSON] {
        objects.filter { $0.key.account == account && $0.value["object"].string == kind && (isIndex || !$0.value["deleted"].truth) }
            .sorted { ($0.value["created"].number ?? 0, arrivals[$0.key] ?? 0) > ($1.value["created"].number ?? 0, arrivals[$1.key] ?? 0) }
            .map(\.value)
    }
}

/// Whose object it is, and when.
struct StripePlace {
    let account: String
    let now: Date

    var seconds: DoubleJSON { after(0) }

    func after(_ seconds: Int64) -> DoubleJSON { .integer(Int64(now.timeIntervalSince1970) + seconds) }
}
