import Contracts
import Foundation
import HTTP
import Primitives
import Testing

@testable import Audit

/// 2026-11-01T00:00:00Z.
private let day = Date(timeIntervalSince1970: 1_793_491_200)

private func field(_ field: SearchField, _ matches: SearchMatch...) -> SearchTerm.Condition { .field(field, matches) }

private let readings: [(String, [SearchTerm.Condition])] = [
    ("", []),
    ("   \t ", []),
    ("actor:ada", [field(.actor, .exactly("ada"))]),
    ("action:lead.*,list.create", [field(.action, .startingWith("lead."), .exactly("list.create"))]),
    ("target:lead:l1 target.type:lead", [field(.target, .exactly("lead:l1")), field(.targetType, .exactly("lead"))]),
    ("meta.plan:pro", [.metadata(key: "plan", [.exactly("pro")])]),
    (#"meta.note:"a \"b\" c""#, [.metadata(key: "note", [.exactly(#"a "b" c"#)])]),
    ("invoice paid*", [.words([.exactly("invoice")]), .words([.startingWith("paid")])]),
    (#""quarterly report" "with:colon""#, [.words([.exactly("quarterly report")]), .words([.exactly("with:colon")])]),
    (#""stays*""#, [.words([.exactly("stays*")])]),
    ("2001:db8::1", [.words([.exactly("2001:db8::1")])]),
    ("ip:10.0.0.0/8,2001:db8::/32,192.0.2.7", [.networks(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"])]),
    ("occurred:2026-11-01", [.occurred([SearchRange(from: day, to: day.addingTimeInterval(86_400))])]),
    ("occurred:>=2026-11-01", [.occurred([SearchRange(from: day, to: nil)])]),
    ("occurred:<2026-11-01", [.occurred([SearchRange(from: nil, to: day)])]),
    ("occurred:>2026-11-01", [.occurred([SearchRange(from: day.addingTimeInterval(86_400), to: nil)])]),
    ("recorded:2026-11-01..2026-11-02", [.recorded([SearchRange(from: day, to: day.addingTimeInterval(172_800))])]),
    (
        "occurred:2026-11-01,<2026-11-01",
        [.occurred([SearchRange(from: day, to: day.addingTimeInterval(86_400)), SearchRange(from: nil, to: day)])]
    ),
    ("support:01930000-0000-7000-8000-00000000000A", [field(.support, .exactly("01930000-0000-7000-8000-00000000000a"))]),
]

@Suite("The text of a search")
struct SearchQueryTests {
    @Test(
        "terms are read as they are written",
        arguments: readings)
    func terms(text: String, expected: [SearchTerm.Condition]) throws {
        #expect(try SearchQuery(text).terms == expected.map { SearchTerm(isNegated: false, condition: $0) })
    }

    @Test("a minus turns a term round, and only that one")
    func negation() throws {
        #expect(
            try SearchQuery("-outcome:success -draft well-known").terms == [
                SearchTerm(isNegated: true, condition: field(.outcome, .exactly("success"))),
                SearchTerm(isNegated: true, condition: .words([.exactly("draft")])),
                SearchTerm(isNegated: false, condition: .words([.exactly("well-known")])),
            ])
    }

    @Test(
        "what cannot be understood is named by its place",
        arguments: [
            ("colour:red", 0), ("actor:ada colour:red", 10), ("-colour:red", 1), ("actor:", 6), ("actor:ada,", 10), ("actor:,ada", 6), ("-", 1),
            ("actor: ada", 6), (#"say "hello"#, 4), (#"a"b"#, 1), (#""a"b"#, 3), ("\"\"", 0), ("*", 0), ("action:*", 7), ("outcome:maybe", 8),
            ("ip:10.0.0.0/33", 3), ("ip:localhost", 3), ("ip:10.0.0.1,10.0.0.0/-1", 12), ("occurred:yesterday", 9),
            ("occurred:2026-11-02..2026-11-01", 9), ("occurred:2026-11-01,soon", 20), ("meta.:x", 0), ("support:me", 8),
            (Array(repeating: "a", count: 21).joined(separator: " "), 40), (String(repeating: "a", count: 513), 512), ("a\0b", 1), ("e\u{301}\0", 1),
        ])
    func faults(text: String, position: Int) {
        let fault = #expect(throws: SearchFault.self) { try SearchQuery(text) }
        #expect(fault?.position == position, "\(fault?.detail ?? "")")
    }

    @Test("a search with terms looks at thirty days unless it says otherwise, and at 400 at most")
    func window() throws {
        let now = day
        #expect(try TrailSearch().window(now: now) == SearchRange(from: nil, to: nil))
        let words = TrailSearch(query: try SearchQuery("invoice"))
        #expect(try words.window(now: now) == SearchRange(from: now.addingTimeInterval(-30 * 86_400), to: nil))
        let named = TrailSearch(query: try SearchQuery("invoice occurred:2026-01-01..2026-01-02"))
        #expect(try named.window(now: now).to.map(WireJSON.format) == "2026-01-03T00:00:00.000Z")
        let long = TrailSearch(query: try SearchQuery("invoice occurred:>=2024-01-01"))
        #expect(throws: Problem.self) { try long.window(now: now) }
        let days = TrailSearch(query: try SearchQuery("invoice occurred:2026-10-03,2026-10-01"))
        #expect(try days.window(now: now).from.map(WireJSON.format) == "2026-10-01T00:00:00.000Z")
        #expect(try days.window(now: now).to.map(WireJSON.format) == "2026-10-04T00:00:00.000Z")
        let ahead = TrailSearch(query: try SearchQuery("invoice occurred:<2030-01-01"))
        #expect(try ahead.window(now: now).from == now.addingTimeInterval(-30 * 86_400))
    }

    @Test("a cursor opens for its own company, search and order only")
    func cursors() throws {
        let keyring = try Keyring(current: "k1", keys: ["k1": randomBytes(32)])
        let seal = CursorSeal(keyring: keyring)
        let tenant = TenantID(UUID())
        let search = TrailSearch(query: try SearchQuery("invoice"))
        let cursor = TrailCursor(id: EventID(UUID()), from: day, total: TrailTotal(counted: 10_001))
        let text = try seal.seal(cursor, of: search, for: tenant)
        #expect(try seal.open(text, of: search, for: tenant) == cursor)
        let others = [
            TrailSearch(query: try SearchQuery("receipt")), TrailSearch(query: try SearchQuery("invoice"), order: .seq),
            TrailSearch(query: try SearchQuery("invoice"), parameters: [.init(field: .actor, value: "ada")]),
            TrailSearch(query: try SearchQuery("invoice"), span: SearchRange(from: day, to: nil)),
        ]
        for other in others {
            #expect(throws: Problem.self) { try seal.open(text, of: other, for: tenant) }
        }
        #expect(throws: Problem.self) { try seal.open(text, of: search, for: TenantID(UUID())) }
        let stranger = CursorSeal(keyring: try Keyring(current: "k1", keys: ["k1": randomBytes(32)]))
        #expect(throws: Problem.self) { try stranger.open(text, of: search, for: tenant) }
        for broken in ["", ".", "x", "A" + text, String(text.dropLast()), "W10.\(text.split(separator: ".")[1]).x"] {
            #expect(throws: Problem.self) { try seal.open(broken, of: search, for: tenant) }
        }
    }

    @Test("ten thousand are counted, more are at least that", arguments: [(0, "eq"), (10_000, "eq"), (10_001, "gte")])
    func totals(counted: Int, relation: String) {
        let total = TrailTotal(counted: counted)
        #expect(total.value == min(counted, 10_000))
        #expect(total.relation.rawValue == relation)
    }
}
