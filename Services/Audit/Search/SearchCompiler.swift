import Contracts
import Foundation
import Postgres
import Primitives

/// Makes conditions on `trail_events e` and `trail_details d` of a search's terms; every value is a parameter.
enum SearchCompiler {
    /// What the index of words and metadata can be asked for: terms that must hold and have one value.
    struct Driver: Sendable, Equatable {
        var words: [String] = []
        var prefixes: [String] = []
        /// `key=value`.
        var entries: [String] = []

        var isEmpty: Bool { words.isEmpty && prefixes.isEmpty && entries.isEmpty }
    }

    static func driver(of terms: [SearchTerm]) -> Driver {
        terms.filter { !$0.isNegated }.reduce(into: Driver()) { driver, term in
            switch term.condition {
            case .words(let matches) where matches.count == 1:
                switch matches[0] {
                case .exactly(let text): driver.words.append(text)
                case .startingWith(let text): driver.prefixes.append(text.lowercased())
                }
            case .metadata(let key, let matches) where matches.count == 1:
                if case .exactly(let text) = matches[0] { driver.entries.append("\(key)=\(text)") }
            default: break
            }
        }
    }

    /// Whether what may have been erased is looked at, which stands in a table of its own.
    static func needsDetails(_ terms: [SearchTerm]) -> Bool {
        terms.contains { term in
            switch term.condition {
            case .words, .metadata, .networks: true
            case .field, .occurred, .recorded: false
            }
        }
    }

    static func condition(_ term: SearchTerm, tenant: TenantID) -> SQL {
        let holds = Self.condition(term.condition, tenant)
        // What an event does not have is not what was asked for, so the opposite holds.
        if term.isNegated { return "not coalesce(\(holds), false)" }
        // What Postgres guesses of words is wrong by orders; behind a coalesce it guesses nothing and walks along the order, as it should: what is
        // rare comes as a list of identifiers.
        return needsDetails([term]) ? "coalesce(\(holds), false)" : holds
    }

    private static func condition(_ condition: SearchTerm.Condition, _ tenant: TenantID) -> SQL {
        switch condition {
        case .words(let matches): anyOf(matches.map { words($0) })
        case .field(let field, let matches): self.field(field, matches, tenant)
        case .metadata(let key, let matches): text("(d.metadata ->> \(key))", matches)
        case .networks(let networks): "(trail_address(d.address) <<= any(\(networks)::inet[]))"
        case .occurred(let ranges): anyOf(ranges.map { occurred($0) })
        case .recorded(let ranges): anyOf(ranges.map { recorded($0) })
        }
    }

    /// A phrase, or words that begin so. What is no word for Postgres is found nowhere.
    private static func words(_ match: SearchMatch) -> SQL {
        switch match {
        case .exactly(let text): return "(d.search @@ phraseto_tsquery('simple', \(text)))"
        case .startingWith(let text):
            let quoted = text.lowercased().replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "''")
            let query: String = "'" + quoted + "':*"
            return "(d.search @@ \(query)::tsquery)"
        }
    }

    private static func field(_ field: SearchField, _ matches: [SearchMatch], _ tenant: TenantID) -> SQL {
        switch field {
        case .action: text("e.action", matches)
        case .actor: text("e.actor_id", matches)
        case .actorType: text("e.actor_kind", matches)
        case .outcome: text("e.outcome", matches)
        case .request: text("e.request", matches)
        case .source: text("e.source", matches)
        case .support: anyOf(matches.map { support($0, tenant) })
        case .target: anyOf(matches.map { target($0, tenant) })
        case .targetType:
            "(exists (select from jsonb_array_elements(e.targets) as x (target) where \(text("(x.target ->> 'type')", matches))))"
        // The parser makes conditions of their own of these.
        case .ip, .occurred, .recorded: "false"
        }
    }

    private static func target(_ match: SearchMatch, _ tenant: TenantID) -> SQL {
        switch match {
        case .exactly(let text):
            "(e.id in (select t.id from trail_targets t where t.tenant_id = \(tenant) and t.target = \(text)))"
        case .startingWith(let text):
            """
            (exists (select from jsonb_array_elements(e.targets) as x (target)
                where starts_with((x.target ->> 'type') || ':' || (x.target ->> 'id'), \(text)) or starts_with(x.target ->> 'id', \(text))))
            """
        }
    }

    /// What was done under a support session; its own beginning and end have it as their target.
    private static func support(_ match: SearchMatch, _ tenant: TenantID) -> SQL {
        guard case .exactly(let session) = match else { return "false" }
        let target: String = "support_session:" + session
        return """
            (e.support_session = \(session)
                or e.id in (select t.id from trail_targets t where t.tenant_id = \(tenant) and t.target = \(target)))
            """
    }

    /// Equality is what an index answers under row-level security.
    private static func text(_ column: SQL, _ matches: [SearchMatch]) -> SQL {
        anyOf(
            matches.map { match -> SQL in
                switch match {
                case .exactly(let text): "\(column) = \(text)"
                case .startingWith(let text): "starts_with(\(column), \(text))"
                }
            })
    }

    private static func anyOf(_ conditions: [SQL]) -> SQL {
        conditions.count == 1 ? conditions[0] : "(\(SQL.joined(conditions, separator: " or ")))"
    }

    private static func occurred(_ range: SearchRange) -> SQL {
        bounds([range.from.map { "e.id >= \(UUID.lowest(at: $0))" }, range.to.map { "e.id < \(UUID.lowest(at: $0))" }])
    }

    private static func recorded(_ range: SearchRange) -> SQL {
        bounds([range.from.map { "e.recorded_at >= \($0)" }, range.to.map { "e.recorded_at < \($0)" }])
    }

    private static func bounds(_ bounds: [SQL?]) -> SQL {
        let bounds = bounds.compactMap { $0 }
        return bounds.isEmpty ? "true" : "(\(SQL.joined(bounds, separator: " and ")))"
    }
}
