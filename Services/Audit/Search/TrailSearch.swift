import Contracts
import Foundation
import HTTP
import Hummingbird

/// What a request looks for in a trail, and in which order.
struct TrailSearch: Sendable, Equatable {
    enum Order: String, Sendable, Codable {
        /// The newest first.
        case occurred
        /// As numbered, from the first on: for whoever reads everything once, since later entries only ever come behind.
        case seq
    }

    /// A search by words, or by more than the plain parameters can say, looks at the last thirty days unless it says otherwise.
    static let defaultSpan: TimeInterval = 30 * 86_400
    static let longestSpan: TimeInterval = 400 * 86_400

    /// One of the plain parameters `actor`, `action`, `outcome` and `target`.
    struct Parameter: Sendable, Equatable {
        let field: SearchField
        let value: String
    }

    let query: SearchQuery
    let parameters: [Parameter]
    /// From `from` and `to`.
    let span: SearchRange
    let order: Order

    init(
        query: SearchQuery = .everything, parameters: [Parameter] = [], span: SearchRange = SearchRange(from: nil, to: nil), order: Order = .occurred
    ) {
        self.query = query
        self.parameters = parameters
        self.span = span
        self.order = order
    }

    /// Everything that must hold but the time.
    var terms: [SearchTerm] {
        query.terms + parameters.map { SearchTerm(isNegated: false, condition: .field($0.field, [.exactly($0.value)])) }
    }

    /// The time that is looked through; a problem when a search with terms asks for more than is good for the database.
    func window(now: Date) throws(Problem) -> SearchRange {
        var window = span.cut(by: query.occurred)
        guard !query.terms.isEmpty else { return window }
        // Nothing has happened yet behind now, so a later end means now.
        let end = min(window.to ?? now, now)
        let from = window.from ?? end.addingTimeInterval(-Self.defaultSpan)
        guard end.timeIntervalSince(from) <= Self.longestSpan else {
            throw Problem.invalid("A search looks through at most 400 days; give from and to, or occurred, closer to each other.", field: "from")
        }
        window.from = from
        return window
    }

    /// The same for the same search and no other.
    var fingerprint: String {
        func text(_ date: Date?) -> String { date.map(WireJSON.format) ?? "" }
        let parts = [query.text, text(span.from), text(span.to), order.rawValue] + parameters.flatMap { [$0.field.rawValue, $0.value] }
        // With its length before each part, no two searches read alike.
        return parts.map { "\($0.utf8.count):\($0)" }.joined()
    }
}

extension TrailSearch {
    /// What a route has no use for, and so does not look at.
    enum Unread: Sendable {
        case span, order
    }

    /// Reads `q`, `actor`, `action`, `outcome`, `target`, `from`, `to` and `order`; a 400 names the one that is wrong.
    init(_ request: Request, without unread: Set<Unread> = []) throws(Problem) {
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
            guard let date = SearchValues.instant(value) else {
                throw Problem.invalid("\(name) must be an instant such as 2026-11-23T18:00:00Z.", field: name)
            }
            return date
        }
        var named: [Parameter] = []
        for field in [SearchField.actor, .action, .outcome, .target] {
            guard let value = try text(field.rawValue) else { continue }
            guard field != .outcome || ["success", "failure", "denied"].contains(value) else {
                throw Problem.invalid("outcome must be success, failure or denied.", field: "outcome")
            }
            named.append(Parameter(field: field, value: value))
        }
        let asked = unread.contains(.order) ? nil : parameters["order"].map(String.init)
        guard let order = Order(rawValue: asked ?? Order.occurred.rawValue) else {
            throw Problem.invalid("order must be occurred or seq.", field: "order")
        }
        let span = unread.contains(.span) ? SearchRange(from: nil, to: nil) : SearchRange(from: try instant("from"), to: try instant("to"))
        self.init(query: try Self.query(parameters["q"].map(String.init) ?? ""), parameters: named, span: span, order: order)
    }

    /// The text of a search, or a 400 that says where it cannot be understood.
    static func query(_ text: String) throws(Problem) -> SearchQuery {
        do throws(SearchFault) {
            return try SearchQuery(text)
        } catch {
            throw Problem(
                .badRequest, kind: "invalid_search", title: "The search cannot be understood.", detail: error.detail,
                extensions: ["field": .text("q"), "position": .number(error.position)])
        }
    }
}
