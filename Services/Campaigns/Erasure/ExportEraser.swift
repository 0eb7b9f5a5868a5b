import Contracts
import Foundation
import Postgres

/// Ends exports whose files name a person, or that were asked for by the address; they can be made anew without it.
struct ExportEraser: Sendable {
    let address: String
    let tenant: TenantID

    /// Of all that were worked on since then; nil: of all that are kept.
    func end(workedSince start: Date?, at now: Date, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            // Whoever writes a batch at this moment is waited for, and seen by the next statement.
            """
            select id from lead_exports where tenant_id = \(tenant) and status in ('queued', 'running')
              and (\(start)::timestamptz is null or worked_at >= \(start)) order by id for update
            """,
            // A part ends anywhere, so also within an address.
            """
            update lead_exports e set status = 'cancelled', failure = 'a person in it was erased', filter = '{}', bytes = 0, parts = 0,
                finished_at = coalesce(e.finished_at, \(now))
            where e.tenant_id = \(tenant) and (\(start)::timestamptz is null or e.worked_at >= \(start)) and (
                position(\(address) in lower(e.filter::text)) > 0 or exists (
                    select from lead_export_parts p
                    left join lead_export_parts n on n.tenant_id = p.tenant_id and n.export_id = p.export_id and n.part = p.part + 1
                    where p.tenant_id = e.tenant_id and p.export_id = e.id
                      and position(convert_to(\(address), 'UTF8') in p.content || coalesce(substring(n.content from 1 for 320), '')) > 0))
            """,
            """
            delete from lead_export_parts p using lead_exports e
            where p.tenant_id = \(tenant) and e.tenant_id = p.tenant_id and e.id = p.export_id and e.status = 'cancelled' and e.parts = 0
            """,
        ])
    }
}
