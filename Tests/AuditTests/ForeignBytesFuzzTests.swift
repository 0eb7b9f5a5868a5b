import Contracts
import Foundation
import TestSupport
import Testing

@testable import Audit

/// What people write into the search of the trail, broken: refused with a place, or read as terms that can be written and read again.
@Suite("Foreign bytes: the search")
struct ForeignBytesFuzzTests {
    private static let tokens = [
        "actor:", "action:lead.*", "-", ",", ":", "*", "\"", "\\\"", "meta.", "meta.k:", "ip:", "::", "/129", "255.255.255.256", "occurred:", ">=",
        "..", "recorded:<",
        "0000-00-00", "9999-12-31", "2026-02-30", "outcome:denied", "support:", "T24:00:00Z", "+14:00", "1e9",
    ]

    @Test("a search is refused with a place in it, or its terms come back from what is written of them")
    func search() throws {
        var read = 0
        for input in try FuzzRun("search", tokens: Self.tokens) {
            let before = threadSeconds()
            let query: SearchQuery
            do throws(SearchFault) {
                query = try SearchQuery(input.text)
            } catch {
                try #require((0...max(input.text.count, SearchQuery.longest)).contains(error.position), "\(input.name): \(error)")
                try #require(error.detail.count < 400, "\(input.name): \(error)")
                continue
            }
            read += 1
            try #require(query.terms.count <= SearchQuery.mostTerms, "\(input.name)")
            for term in query.terms {
                _ = SearchCompiler.condition(term, tenant: TenantID(UUID()))
                // Another writing of the same: all values in quotation marks, or with their star.
                guard let written = Self.written(term), written.unicodeScalars.count <= SearchQuery.longest else { continue }
                try #require(try SearchQuery(written).terms == [term], "\(input.name): \(written.debugDescription)")
            }
            let span = query.occurred
            try #require([span.from, span.to].allSatisfy { $0 == nil || $0?.timeIntervalSince1970.isFinite == true }, "\(input.name)")
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
        #expect(read >= 4)
    }

    /// The term in words of its own; nil where it holds instants or networks, which can be written in several ways.
    private static func written(_ term: SearchTerm) -> String? {
        let sign = term.isNegated ? "-" : ""
        switch term.condition {
        case .words(let matches): return list(matches).map { sign + $0 }
        case .field(let field, let matches): return list(matches).map { "\(sign)\(field.rawValue):\($0)" }
        case .metadata(let key, let matches): return list(matches).map { "\(sign)meta.\(key):\($0)" }
        case .networks, .occurred, .recorded: return nil
        }
    }

    /// Nil where a value begins with a mark that would melt into what stands before it.
    private static func list(_ matches: [SearchMatch]) -> String? {
        var parts: [String] = []
        for match in matches {
            switch match {
            case .startingWith(let text):
                guard ("," + text).count == text.count + 1 else { return nil }
                parts.append(text + "*")
            case .exactly(let text):
                guard ("\"" + text).count == text.count + 1 else { return nil }
                let escaped: String = text.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : String($1) }
                parts.append("\"\(escaped)\"")
            }
        }
        return parts.joined(separator: ",")
    }
}
