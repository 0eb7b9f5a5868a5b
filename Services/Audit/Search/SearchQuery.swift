import Foundation

/// What somebody looks for in the trail, as text: `actor:ada action:lead.* -outcome:success ip:10.0.0.0/8 "quarterly report"`.
///
/// All terms must hold; `-` turns one round, `a,b` is either, a `*` at the end is whatever begins so.
struct SearchQuery: Sendable, Equatable {
    static let longest = 512
    static let mostTerms = 20

    let text: String
    let terms: [SearchTerm]

    /// Throws a ``SearchFault`` that says where the text cannot be understood.
    init(_ text: String) throws(SearchFault) {
        self.text = text
        terms = try SearchParser.terms(of: text)
    }

    /// Anything.
    static let everything = SearchQuery()

    private init() {
        text = ""
        terms = []
    }

    /// The span that the terms about `occurred` leave, as far as they say.
    var occurred: SearchRange {
        terms.reduce(SearchRange(from: nil, to: nil)) { range, term in
            guard !term.isNegated, case .occurred(let named) = term.condition else { return range }
            return range.cut(by: .around(named))
        }
    }
}

/// One condition, or its opposite.
struct SearchTerm: Sendable, Equatable {
    enum Condition: Sendable, Equatable {
        /// Words and phrases anywhere in the text of an entry; any of them.
        case words([SearchMatch])
        case field(SearchField, [SearchMatch])
        case metadata(key: String, [SearchMatch])
        /// Networks, in a form that Postgres reads.
        case networks([String])
        /// Any of the spans.
        case occurred([SearchRange])
        case recorded([SearchRange])
    }

    let isNegated: Bool
    let condition: Condition
}

/// What a value must be.
enum SearchMatch: Sendable, Equatable {
    case exactly(String)
    case startingWith(String)
}

/// The fields that a search can name, besides `meta.<key>`.
enum SearchField: String, Sendable, CaseIterable {
    case action, actor, target, ip, outcome, request, source, support, occurred, recorded
    case actorType = "actor.type"
    case targetType = "target.type"
}

/// From an instant, up to but without another; nil is without end.
struct SearchRange: Codable, Sendable, Equatable {
    var from: Date?
    var to: Date?

    /// What is in both.
    func cut(by other: SearchRange) -> SearchRange {
        SearchRange(
            from: [from, other.from].compactMap { $0 }.max(),
            to: [to, other.to].compactMap { $0 }.min())
    }

    /// The shortest span that all of these are in.
    static func around(_ ranges: [SearchRange]) -> SearchRange {
        let (starts, ends) = (ranges.compactMap(\.from), ranges.compactMap(\.to))
        return SearchRange(
            from: starts.count == ranges.count ? starts.min() : nil, to: ends.count == ranges.count ? ends.max() : nil)
    }
}

/// Why a search cannot be understood, and where: characters from the beginning, from 0.
struct SearchFault: Error, Equatable {
    let position: Int
    let detail: String

    init(_ detail: String, at position: Int) {
        self.detail = detail
        self.position = position
    }
}
