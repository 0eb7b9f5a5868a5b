import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Campaigns

@Suite("Erasure of what no index finds")
struct ErasureScanTests {
    @Test("it is read in bounded steps, goes on where it stopped, and ends")
    func steps() async throws {
        let ground = try await ErasureGround.make()
        let (tenant, run) = (ground.tenant, UUID())
        try await ground.database.query(
            """
            insert into import_errors (tenant_id, import_id, line, reason, raw)
            select \(tenant), \(run), n, 'email_invalid', 'row ' || n || case when n % 10000 = 0 then ' ADA@lead.example' else '' end
            from generate_series(1, 45000) n
            """)
        try await ground.ask()
        let eraser = LeadEraser(lead: ground.ada, address: ErasureGround.address, tenant: tenant)
        let now = ground.house.clock.clock.now
        let left: SQL = "select count(*) as n from import_errors where tenant_id = \(tenant) and raw like '%ADA@%'"
        // Four in the large file, one in the ground's own.
        #expect(try await ground.number(left) == 5)
        let isDone = try await ground.database.transaction { try await eraser.eraseTraces(at: now, in: $0) }
        #expect(!isDone)
        let afterOne = try await ground.number(left)
        #expect(afterOne < 5 && afterOne > 0, "\(afterOne)")
        try await ground.finish(with: ground.service.erasure)
        #expect(try await ground.number(left) == 0)
        #expect(try await ground.number("select count(*) as n from import_errors where tenant_id = \(tenant) and import_id = \(run)") == 44_996)
        #expect(try await ground.number("select count(*) as n from erasures where scan = 'done' and finished_at is not null") == 1)
    }

    @Test("an export is read in several steps too, and an import that went on meanwhile is read again")
    func late() async throws {
        let ground = try await ErasureGround.make()
        let (tenant, now, export) = (ground.tenant, ground.house.clock.clock.now, UUID())
        try await ground.database.query(
            """
            insert into lead_exports (tenant_id, id, workspace_id, format, filter, fields, status, parts, created_by, created_at, worked_at,
                expires_at)
            values (\(tenant), \(export), \(ground.workspace), 'csv', '{}', '{}', 'completed', 121, 'user:x', \(now), \(now),
                \(now.addingTimeInterval(86_400)))
            """)
        try await ground.database.query(
            """
            insert into lead_export_parts (tenant_id, export_id, part, workspace_id, content)
            select \(tenant), \(export), n, \(ground.workspace), convert_to(case n when 120 then 'ada@lead.example' else 'x' end, 'UTF8')
            from generate_series(0, 120) n
            """)
        try await ground.ask()
        let eraser = LeadEraser(lead: ground.ada, address: ErasureGround.address, tenant: tenant)
        let stage: SQL = "select count(*) as n from erasures where scan = 'late_rows'"
        for _ in 0..<20 {
            if try await ground.number(stage) == 1 { break }
            _ = try await ground.database.transaction { try await eraser.eraseTraces(at: now, in: $0) }
        }
        #expect(try await ground.number("select count(*) as n from lead_exports where status = 'cancelled' and parts = 0") == 1)
        let run = UUID()
        try await ground.database.query(
            """
            insert into imports (tenant_id, id, workspace_id, file_name, status, rejected, started_at, updated_at)
            values (\(tenant), \(run), \(ground.workspace), 'f.csv', 'completed', 1, \(now), \(now))
            """)
        try await ground.database.query(
            """
            insert into import_errors (tenant_id, import_id, line, reason, raw) values (\(tenant), \(run), 7, 'email_invalid', 'x,ada@lead.example')
            """)
        try await ground.finish(with: ground.service.erasure)
        #expect(try await ground.number("select count(*) as n from import_errors where import_id = \(run)") == 0)
    }

    @Test("the answer names the segments that ask for the address, and changes none")
    func segments() async throws {
        let ground = try await ErasureGround.make()
        let (segment, filter) = (UUID(), PostgresJSON(text: #"{"field":"email","operator":"equals","value":"Ada@Lead.example"}"#))
        try await ground.database.query(
            """
            insert into segments (tenant_id, id, workspace_id, name, filter, created_at, updated_at)
            values (\(ground.tenant), \(segment), \(ground.workspace), 'S', \(filter), now(), now())
            """)
        let asked = try await ground.ask()
        #expect(asked.body.contains(#""segments":["\#(segment.text)"]"#), "\(asked.body)")
        try await ground.finish(with: ground.service.erasure)
        #expect(try await ground.number("select count(*) as n from segments where filter::text like '%Ada@Lead.example%'") == 1)
    }

    @Test("with the company its erasures go")
    func purge() async throws {
        let ground = try await ErasureGround.make()
        try await ground.ask()
        let client = RPCClient.local(ground.house.router(ground.service), caller: .auth)
        var isDone = false
        for _ in 0..<20 where !isDone { isDone = try await client.call(CampaignsRPC.Purge(tenant: ground.tenant, workspace: nil)).isDone }
        #expect(isDone)
        #expect(try await ground.number("select count(*) as n from erasures") == 0)
        #expect(try await !ground.service.erasure.advance())
    }
}
