import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

/// Random leads of one company on a real database, beside another company's with the same values.
struct SegmentGround: Sendable {
    let fixture: CampaignsFixture
    let leads: [SampleLead]

    static func make(seed: UInt64, companies: [String] = []) async throws -> SegmentGround {
        let fixture = try await CampaignsFixture.make()
        var random = SeededRandom(seed: seed)
        let leads = (0..<200).map { number in
            SampleLead.make(number, company: companies.isEmpty ? nil : companies[number % companies.count], using: &random)
        }
        for tenant in [fixture.tenant, TenantID(UUID())] {
            let workspace = fixture.peers.workspace
            let statements = Self.owners(of: tenant, in: workspace) + leads.flatMap { Self.statements($0, of: tenant, in: workspace) }
            _ = try await fixture.house.house.worker.transaction { try await $0.pipeline(statements) }
        }
        return SegmentGround(fixture: fixture, leads: leads)
    }

    /// Fails unless the query finds what the reference finds; how many that is.
    @discardableResult
    func check(_ filter: SegmentFilter, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Int {
        let found = try await find(filter)
        let expected = Set(leads.filter { Reference.holds(filter, $0) }.map(\.id))
        if found != expected {
            let wrong = leads.filter { found.contains($0.id) != expected.contains($0.id) }.prefix(3)
            let json = String(decoding: try WireJSON.encoder().encode(filter), as: UTF8.self)
            Issue.record("\(json) found \(found.count) instead of \(expected.count); wrong: \(wrong)", sourceLocation: sourceLocation)
        }
        return found.count
    }

    func find(_ filter: SegmentFilter) async throws -> Set<LeadID> {
        let condition = try SegmentCompiler(fields: SampleLead.fields, workspace: fixture.peers.workspace, now: SampleLead.now).condition(filter)
        // Under row-level security, and without naming the tenant: the other company's leads are the same but for their identifiers' owner.
        let rows = try await fixture.house.house.api.query(as: fixture.tenant, "select l.id from leads l where \(condition)")
        return Set(try rows.map { try $0.decode("id") })
    }

    /// Campaigns, lists and imports with all the identifiers that samples have.
    static func owners(of tenant: TenantID, in workspace: WorkspaceID) -> [SQL] {
        let (ids, now) = (SampleLead.identifiers, SampleLead.now)
        return [
            """
            insert into campaigns (tenant_id, id, workspace_id, name, status, created_at)
            select \(tenant), id, \(workspace), 'C', 'active', \(now) from unnest(\(ids)) as n (id)
            """,
            """
            insert into lists (tenant_id, id, workspace_id, name, created_at)
            select \(tenant), id, \(workspace), id::text, \(now) from unnest(\(ids)) as n (id)
            """,
            """
            insert into imports (tenant_id, id, workspace_id, file_name, status, started_at, updated_at)
            select \(tenant), id, \(workspace), 'f.csv', 'completed', \(now), \(now) from unnest(\(ids)) as n (id)
            """,
        ]
    }

    private static func statements(_ lead: SampleLead, of tenant: TenantID, in workspace: WorkspaceID) -> [SQL] {
        let custom = try! PostgresJSON(lead.custom)
        var statements: [SQL] = [
            """
            insert into leads (tenant_id, id, email, first_name, company, time_zone, status, tags, custom, import_id, created_at, updated_at)
            values (\(tenant), \(lead.id), \(lead.email), \(lead.firstName), \(lead.company), \(lead.timeZone), \(lead.status), \(lead.tags),
                    \(json: custom), \(lead.importID), \(lead.createdAt), \(lead.createdAt))
            """,
            "insert into lead_workspaces (tenant_id, workspace_id, lead_id) values (\(tenant), \(workspace), \(lead.id))",
        ]
        for list in lead.lists {
            statements.append(
                "insert into list_members (tenant_id, list_id, lead_id, added_at) values (\(tenant), \(list), \(lead.id), \(lead.createdAt))")
        }
        for campaign in lead.campaigns {
            let enrolment = UUID()
            statements.append(
                """
                insert into enrolments (tenant_id, id, campaign_id, lead_id, due_at, created_at)
                values (\(tenant), \(enrolment), \(campaign), \(lead.id), \(lead.createdAt), \(lead.createdAt))
                """)
            for send in lead.sends where send.campaign == campaign {
                func at(_ happened: Bool) -> Date? { happened ? lead.createdAt : nil }
                statements.append(
                    """
                    insert into enrolment_sends (tenant_id, enrolment_id, step, campaign_id, lead_id, variant, template_id, template_version,
                        mailbox_id, state, planned_at, opened_at, clicked_at, replied_at, bounced_at)
                    values (\(tenant), \(enrolment), 1, \(campaign), \(lead.id), 'A', \(UUID()), 1, \(UUID()), 'accepted', \(lead.createdAt),
                            \(at(send.opened)), \(at(send.clicked)), \(at(send.replied)), \(at(send.bounced)))
                    """)
            }
        }
        return statements
    }
}
