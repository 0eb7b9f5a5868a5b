import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

@Suite("Segments, as a tree and as a query")
struct SegmentCompilerTests {
    private static let now = Date(timeIntervalSince1970: 1_795_000_000)

    private func compile(_ json: String) throws -> SQL {
        try SegmentCompiler(fields: SampleLead.fields, workspace: WorkspaceID(UUID()), now: Self.now)
            .condition(try SegmentFilter(SegmentFilter.JSON(parsing: json)))
    }

    @Test("a tree comes back as it went in")
    func roundTrip() throws {
        let json = """
            {"all":[{"any":[{"field":"company","operator":"contains","value":"Ice"},{"field":"custom.size","operator":"between","value":[1,2.5]}]},\
            {"not":{"field":"opened","operator":"equals","value":true,"campaign":"01900000-0000-7000-8000-000000000001"}},\
            {"field":"created_at","operator":"after","value":{"days_ago":30}},{"field":"tag","operator":"is_set"}]}
            """
        let filter = try WireJSON.decoder().decode(SegmentFilter.self, from: Data(json.utf8))
        let again = try WireJSON.decoder().decode(SegmentFilter.self, from: try WireJSON.encoder().encode(filter))
        #expect(again == filter)
        guard case .all(let nodes) = filter else { throw Unexpected() }
        #expect(nodes.count == 4)
        #expect(String(decoding: try WireJSON.encoder().encode(nodes[2]), as: UTF8.self).contains(#"{"days_ago":30}"#))
    }

    private static let faulty: [(String, String)] = [
        (#"[]"#, ""), (#"{"all":[]}"#, "all"), (#"{"any":{}}"#, "any"), (#"{"all":[7]}"#, "all.0"), (#"{"not":null}"#, "not"),
        (#"{"all":[{"field":"company","operator":"equals","value":"x"}],"any":[]}"#, "all"),
        (#"{"operator":"equals","value":"x"}"#, "field"), (#"{"field":"company","value":"x"}"#, "operator"),
        (#"{"field":"company","operator":"like","value":"x"}"#, "operator"),
        (#"{"field":"company","operator":"equals","value":"x","or":1}"#, "or"),
        (#"{"all":[{"field":"email","operator":"is_set"},{"any":[{"field":"shoe","operator":"is_set"}]}]}"#, "all.1.any.0.field"),
        (#"{"not":{"all":[{"field":"company","operator":"equals","value":5}]}}"#, "not.all.0.value"),
        (#"{"field":"company","operator":"equals"}"#, "value"), (#"{"field":"company","operator":"equals","value":""}"#, "value"),
        (#"{"field":"company","operator":"in","value":"x"}"#, "value"), (#"{"field":"company","operator":"in","value":[]}"#, "value"),
        (#"{"field":"company","operator":"in","value":["a",1]}"#, "value.1"),
        (#"{"field":"company","operator":"in","value":[["a"]]}"#, "value.0"),
        (#"{"field":"company","operator":"is_set","value":"x"}"#, "value"),
        (#"{"field":"company","operator":"equals","value":{"a":1}}"#, "value"),
        (#"{"field":"company","operator":"greater_than","value":"x"}"#, "operator"),
        (#"{"field":"company","operator":"equals","value":"x","campaign":"01900000-0000-7000-8000-000000000001"}"#, "campaign"),
        (#"{"field":"opened","operator":"equals","value":true,"campaign":"x"}"#, "campaign"),
        (#"{"field":"opened","operator":"equals","value":"yes"}"#, "value"), (#"{"field":"opened","operator":"is_set"}"#, "operator"),
        (#"{"field":"status","operator":"equals","value":"dead"}"#, "value"),
        (#"{"field":"list","operator":"equals","value":"friends"}"#, "value"),
        (#"{"field":"list","operator":"in","value":["01900000-0000-7000-8000-000000000001","x"]}"#, "value.1"),
        (#"{"field":"custom.size","operator":"contains","value":"1"}"#, "operator"),
        (#"{"field":"custom.size","operator":"equals","value":"1"}"#, "value"),
        (#"{"field":"custom.size","operator":"between","value":[2,1]}"#, "value"),
        (#"{"field":"custom.size","operator":"between","value":[2]}"#, "value"),
        (#"{"field":"custom.gone","operator":"is_set"}"#, "field"), (#"{"field":"custom.","operator":"is_set"}"#, "field"),
        (#"{"field":"custom.member","operator":"greater_than","value":true}"#, "operator"),
        (#"{"field":"custom.plan","operator":"contains","value":"g"}"#, "operator"),
        (#"{"field":"custom.renewal","operator":"equals","value":"2026-02-30"}"#, "value"),
        (#"{"field":"custom.renewal","operator":"equals","value":"1.1.2026"}"#, "value"),
        (#"{"field":"custom.renewal","operator":"before","value":{"days_ago":1.5}}"#, "value.days_ago"),
        (#"{"field":"custom.renewal","operator":"before","value":{"days_ago":99999}}"#, "value.days_ago"),
        (#"{"field":"custom.renewal","operator":"before","value":{"weeks_ago":1}}"#, "value"),
        (#"{"field":"created_at","operator":"equals","value":"2026-11-23T18:00:00Z"}"#, "value"),
        (#"{"field":"created_at","operator":"after","value":"yesterday"}"#, "value"),
        (#"{"field":"created_at","operator":"between","value":["2026-11-23","2026-11-22"]}"#, "value"),
        (#"{"field":"created_at","operator":"is_set"}"#, "operator"), (#"{"field":"import","operator":"equals","value":"latest"}"#, "value"),
        (#"{"field":"l.email) or (true","operator":"is_set"}"#, "field"),
    ]

    @Test("what cannot be a segment is told with its place", arguments: faulty)
    func faults(json: String, path: String) throws {
        let fault = #expect(throws: SegmentFilter.Invalid.self) { _ = try compile(json) }
        #expect(fault?.path == path, "\(fault?.detail ?? "")")
        #expect(fault?.detail.isEmpty == false)
    }

    @Test("limits hold, and what is just within them passes")
    func limits() throws {
        func nested(_ depth: Int) -> String {
            depth == 1 ? #"{"field":"company","operator":"is_set"}"# : #"{"all":[\#(nested(depth - 1))]}"#
        }
        func conditions(_ count: Int) -> String {
            #"{"any":[\#(Array(repeating: #"{"field":"company","operator":"is_set"}"#, count: count).joined(separator: ","))]}"#
        }
        func values(_ count: Int) -> String {
            #"{"field":"company","operator":"in","value":[\#((0..<count).map { "\"c\($0)\"" }.joined(separator: ","))]}"#
        }
        func text(_ length: Int) -> String {
            #"{"field":"company","operator":"contains","value":"\#(String(repeating: "é", count: length))"}"#
        }
        for fine in [nested(8), conditions(100), values(500), text(1_000)] { #expect(throws: Never.self) { _ = try compile(fine) } }
        let faults = [
            (nested(9), "all.0.all.0.all.0.all.0.all.0.all.0.all.0.all.0"), (conditions(101), "any.100"), (values(501), "value"),
            (text(1_001), "value"), (nested(40), "all.0.all.0.all.0.all.0.all.0.all.0.all.0.all.0"),
        ]
        for (json, path) in faults {
            let fault = #expect(throws: SegmentFilter.Invalid.self) { _ = try compile(json) }
            #expect(fault?.path == path)
        }
    }

    @Test("a fault inside another body is told with the whole path")
    func decoding() throws {
        struct Body: Decodable { let filter: SegmentFilter }
        let body = Data(#"{"filter":{"all":[{"field":"company","operator":"like"}]}}"#.utf8)
        let error = #expect(throws: DecodingError.self) { _ = try WireJSON.decoder().decode(Body.self, from: body) }
        guard case .dataCorrupted(let context)? = error else { throw Unexpected() }
        #expect(context.codingPath.map(\.stringValue) == ["filter", "all.0.operator"])
    }

    @Test("no value and no custom key is ever a part of the statement")
    func parameters() throws {
        let number = #"{"field":"custom.size","operator":"greater_than","value":4711}"#
        let sql = try compile(#"{"all":[{"field":"company","operator":"in","value":["zebra'--","$1"]},\#(number)]}"#)
        for secret in ["zebra", "--", "4711", "size"] { #expect(!sql.text.contains(secret), "\(sql.text)") }
        #expect(sql.text.contains("$1") && sql.text.contains("$5"))
    }

    @Test("an audience is the JSON that campaigns carry")
    func audience() throws {
        let segment = SegmentID(UUID())
        let forms: [(Audience, String)] = [
            (.workspace, #"{"kind":"workspace"}"#), (.segment(segment), #"{"id":"\#(segment)","kind":"segment"}"#),
            (.list(ListID(segment.uuid)), #"{"id":"\#(segment)","kind":"list"}"#),
        ]
        for (audience, json) in forms {
            #expect(String(decoding: try WireJSON.encoder().encode(audience), as: UTF8.self) == json)
            #expect(try WireJSON.decoder().decode(Audience.self, from: Data(json.utf8)) == audience)
        }
        #expect(throws: DecodingError.self) { _ = try WireJSON.decoder().decode(Audience.self, from: Data(#"{"kind":"segment"}"#.utf8)) }
    }

    // MARK: - Against the reference

    @Test("every operator of every field finds what the reference finds, also denied")
    func everyOperator() async throws {
        let ground = try await SegmentGround.make(seed: 1)
        var random = SeededRandom(seed: 2)
        for (field, kind) in SampleLead.catalogue {
            for comparison in SampleLead.comparisons(of: kind) {
                for _ in 0..<4 {
                    let condition = SampleLead.condition(field, kind, comparison, using: &random)
                    try await ground.check(.condition(condition))
                    try await ground.check(.not(.condition(condition)))
                }
            }
        }
        // Each side must have been met by somebody, or the comparison proves nothing.
        #expect(ground.leads.contains { $0.company == nil } && ground.leads.contains { !$0.tags.isEmpty })
        #expect(ground.leads.contains { $0.sends.contains { $0.clicked } } && ground.leads.contains { $0.custom["size"] == .text("large") })
    }

    @Test("campaigns, lists and imports of another workspace hold for nobody")
    func foreign() async throws {
        let ground = try await SegmentGround.make(seed: 4)
        let worker = ground.fixture.house.house.worker
        for (field, table) in [("campaign", "campaigns"), ("list", "lists"), ("import", "imports"), ("clicked", "campaigns")] {
            let value: SegmentFilter.JSON = field == "clicked" ? .boolean(true) : .list(SampleLead.identifiers.map { .text($0.text) })
            let filter = SegmentFilter.condition(.init(field: field, comparison: field == "clicked" ? .equals : .isIn, value: value))
            #expect(try await !ground.find(filter).isEmpty, "\(field)")
            let move: SQL =
                switch table {
                case "campaigns": "update campaigns set workspace_id = \(UUID()) where tenant_id = \(ground.fixture.tenant)"
                case "lists": "update lists set workspace_id = \(UUID()) where tenant_id = \(ground.fixture.tenant)"
                default: "update imports set workspace_id = \(UUID()) where tenant_id = \(ground.fixture.tenant)"
                }
            try await worker.query(move)
            #expect(try await ground.find(filter).isEmpty, "\(field)")
            if table == "campaigns" {
                try await worker.query(
                    "update campaigns set workspace_id = \(ground.fixture.peers.workspace) where tenant_id = \(ground.fixture.tenant)")
            }
        }
    }

    @Test("300 random trees over 200 random leads find what the reference finds", arguments: [UInt64(7), 8, 9])
    func randomTrees(seed: UInt64) async throws {
        let ground = try await SegmentGround.make(seed: seed)
        var random = SeededRandom(seed: seed &+ 100)
        var sizes: Set<Int> = []
        for _ in 0..<100 { sizes.insert(try await ground.check(SampleLead.tree(depth: 4, using: &random))) }
        #expect(sizes.count > 20, "the trees find too few different things: \(sizes.sorted())")
    }

    @Test("what would be syntax in SQL, LIKE, arrays or JSON is a text like any other")
    func injection() async throws {
        let texts = [
            "' or 1=1 --", "'; drop table leads; --", "%", "_", "\\", "$1", "a%b", "{a,b}", "\"quoted\"", "null", "\\'", "🐧", "(select 1)",
            "%s", "á_é",
        ]
        let ground = try await SegmentGround.make(seed: 3, companies: texts)
        for text in texts {
            for comparison in [SegmentFilter.Comparison.equals, .contains, .startsWith, .notContains, .notEquals] {
                for field in ["company", "custom.note", "tag", "email"] {
                    try await ground.check(.condition(.init(field: field, comparison: comparison, value: .text(text))))
                }
            }
            try await ground.check(.condition(.init(field: "company", comparison: .isIn, value: .list([.text(text), .text("x")]))))
            let found = try await ground.find(.condition(.init(field: "company", comparison: .equals, value: .text(text))))
            #expect(!found.isEmpty && found.count < ground.leads.count, "\(text)")
        }
        #expect(try await ground.find(.condition(.init(field: "email", comparison: .isSet))).count == ground.leads.count)
    }
}

struct Unexpected: Error {}

extension SegmentFilter.JSON {
    init(parsing text: String) throws {
        self = try JSONDecoder().decode(SegmentFilter.JSON.self, from: Data(text.utf8))
    }
}
