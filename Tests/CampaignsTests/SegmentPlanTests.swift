import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Campaigns

/// 50,000 leads of one company; a million with PENGUIN_TEST_FULL=1.
@Suite("Segments at size")
struct SegmentPlanTests {
    private static let size = ProcessInfo.processInfo.environment["PENGUIN_TEST_FULL"] == "1" ? 1_000_000 : 50_000

    @Test("no question reads leads, their workspaces or lists as a whole, and what stops at a cap reads little more")
    func plans() async throws {
        let fixture = try await CampaignsFixture.make()
        let list = ListID(UUID())
        try await fill(fixture, list)
        let isListed = #"{"field":"list","operator":"equals","value":"\#(list)"}"#
        func not(_ filter: String) -> String { #"{"not":\#(filter)}"# }
        let filters = [
            #"{"field":"status","operator":"equals","value":"active"}"#, #"{"field":"company","operator":"equals","value":"Company 7"}"#,
            #"{"field":"email","operator":"equals","value":"lead77@x.org"}"#, #"{"field":"tag","operator":"in","value":["vip","none"]}"#,
            #"{"all":[{"field":"custom.size","operator":"greater_than","value":990},\#(not(isListed))]}"#,
            isListed, not(isListed), #"{"field":"opened","operator":"equals","value":true}"#,
            not(#"{"field":"email_domain","operator":"equals","value":"x.org"}"#),
            not(#"{"field":"created_at","operator":"after","value":"2026-01-02"}"#),
            #"{"any":[{"field":"first_name","operator":"contains","value":"zz"},\#(isListed)]}"#,
        ]
        let (tenant, workspace) = (fixture.tenant, fixture.peers.workspace)
        let compiler = SegmentCompiler(fields: ["size": .number], workspace: workspace, now: fixture.house.clock.clock.now)
        var queries: [AudienceQuery] = [.workspace(workspace, of: tenant), .list(list, in: workspace, of: tenant)]
        for filter in filters {
            let condition = try compiler.condition(try SegmentFilter(SegmentFilter.JSON(parsing: filter)))
            queries.append(.filtered(by: condition, in: workspace, of: tenant))
        }
        let middle = try await leadInTheMiddle(of: fixture)
        for (number, query) in queries.enumerated() {
            let asked = [middle] + (0..<499).map { _ in LeadID(UUID()) }
            let statements = [
                query.count(upTo: 10_001), query.page(after: nil, limit: 1_000), query.page(after: middle, limit: 1_000), query.among(asked),
            ]
            for sql in statements {
                let plan = try await explain(sql, fixture)
                for table in ["leads", "lead_workspaces", "list_members"] {
                    #expect(!plan.contains("Seq Scan on \(table)"), "\(number): \(sql.text)\n\(plan)")
                }
            }
        }
        // Nearly everybody is active: a thousand are found among little more than a thousand.
        let plan = try await explain(queries[2].count(upTo: 1_000), fixture, analyze: true)
        let read = plan.split(separator: "\n").filter { $0.contains(" on leads l ") }.compactMap { line in
            line.firstRange(of: "actual rows=").flatMap { Int(line[$0.upperBound...].prefix { $0.isNumber }) }
        }
        #expect(!read.isEmpty && read.allSatisfy { $0 <= 5_000 }, "\(plan)")
    }

    @Test("at this size every count ends within its time", arguments: ["company", "email", "custom.note"])
    func time(field: String) async throws {
        let fixture = try await CampaignsFixture.make()
        try await fill(fixture, ListID(UUID()))
        try await fixture.insertField("note", "text")
        // Nobody matches, so everybody is looked at.
        let conditions = [field, "tag"].map { #"{"field":"\#($0)","operator":"contains","value":"nobody has this"}"# }
        let filter = #"{"any":[\#(conditions.joined(separator: ","))]}"#
        let answer = try await fixture.send(
            .post, "/api/v1/segments/preview", #"{"workspace":"\#(fixture.peers.workspace)","filter":\#(filter)}"#)
        #expect(answer.status == 200 && answer.number("count") == 0, "\(answer.body)")
    }

    private func fill(_ fixture: CampaignsFixture, _ list: ListID) async throws {
        var configuration = fixture.house.database.configuration(role: "campaigns_owner")
        configuration.statementTimeout = .seconds(600)
        let owner = Database(configuration, connections: 1)
        for (tenant, size) in [(fixture.tenant, Self.size), (TenantID(UUID()), Self.size / 10)] {
            try await owner.query(
                """
                insert into leads (tenant_id, id, email, first_name, company, custom, tags, status, created_at, updated_at)
                select \(tenant), ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'lead' || n || '@x.org', 'Name' || n % 1000,
                    'Company ' || n % 5000, jsonb_build_object('size', n % 1000, 'note', 'note ' || n % 77),
                    case when n % 100 = 0 then array['vip', 'x'] else '{}'::text[] end, case when n % 50 = 0 then 'bounced' else 'active' end,
                    timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-01-01'
                from generate_series(1, \(size)) as n
                """)
            try await owner.query(
                """
                insert into lead_workspaces (tenant_id, workspace_id, lead_id)
                select tenant_id, \(fixture.peers.workspace), id from leads where tenant_id = \(tenant)
                """)
            try await owner.query(
                """
                insert into list_members (tenant_id, list_id, lead_id, added_at)
                select tenant_id, \(list), id, created_at from leads where tenant_id = \(tenant) and status = 'bounced'
                """)
        }
        for table in ["analyze leads", "analyze lead_workspaces", "analyze list_members"] as [SQL] { try await owner.query(table) }
    }

    private func leadInTheMiddle(of fixture: CampaignsFixture) async throws -> LeadID {
        let email = "lead\(Self.size / 2)@x.org"
        return try await fixture.house.house.api.query(
            as: fixture.tenant, "select id from leads where tenant_id = \(fixture.tenant) and email = \(email)")[0].decode("id")
    }

    private func explain(_ sql: SQL, _ fixture: CampaignsFixture, analyze: Bool = false) async throws -> String {
        let command: SQL = analyze ? "explain (analyze, costs off, timing off) \(sql)" : "explain (costs off) \(sql)"
        return try await fixture.house.house.api.transaction(as: fixture.tenant) { transaction in
            try await transaction.query(AudienceResolver.preferringIndexes)
            return try await transaction.query(command).map { try $0.decode("QUERY PLAN", as: String.self) }.joined(separator: "\n")
        }
    }
}
