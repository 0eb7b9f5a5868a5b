import Contracts
import Foundation
import Postgres

/// People of whose openings and clicks nothing is noticed, whatever campaigns want.
struct TrackingOptOuts: Sendable {
    let digests: AddressDigests

    /// The mails as they are taken in: those to people who do not want to be noticed ask for nothing.
    func applied(to mails: [(SendID, PlannedMail)], of tenant: TenantID, in transaction: Transaction) async throws -> [(SendID, PlannedMail)] {
        let recipients = Set(mails.filter { $0.1.send.isTracked }.map { $0.1.send.recipient.lowercased() })
        guard !recipients.isEmpty else { return mails }
        let out = try await find(recipients, of: tenant, in: transaction)
        guard !out.isEmpty else { return mails }
        return mails.map { id, mail in
            guard out.contains(mail.send.recipient.lowercased()) else { return (id, mail) }
            var send = mail.send
            (send.tracksOpens, send.tracksClicks) = (false, false)
            return (id, PlannedMail(send: send, runAt: mail.runAt, window: mail.window))
        }
    }

    /// Those of the addresses, known or forgotten.
    func find(_ addresses: Set<String>, of tenant: TenantID, in transaction: Transaction) async throws -> Set<String> {
        var bySubject = Dictionary(addresses.map { ($0, $0) }) { first, _ in first }
        if let digester = try await digests.digester(of: tenant, in: transaction) {
            for address in addresses { bySubject[ErasedRecipient.text(digester.digest(address))] = address }
        }
        let rows = try await transaction.query(
            "select subject from tracking_opt_outs where tenant_id = \(tenant) and subject = any(\(Array(bySubject.keys)))")
        return Set(
            try rows.compactMap { row in
                let subject: String = try row.decode("subject")
                return bySubject[subject]
            })
    }

    /// Notices nothing of these recipients, in the ledger's form, from now on: of mail that waits, of mail to come, and of mail that is out.
    static func add(_ subjects: [String], of tenant: TenantID, source: String, now: Date) -> [SQL] {
        [
            """
            insert into tracking_opt_outs as o (tenant_id, subject, source, created_at)
            select \(tenant), n.subject, \(source)::text, \(now)::timestamptz from unnest(\(subjects.sorted())) as n (subject)
            on conflict (tenant_id, subject) do update set source = excluded.source where excluded.source = 'recipient' and o.source <> 'recipient'
            """,
            """
            update send_contents c set tracks_opens = false, tracks_clicks = false
            from sends s where s.tenant_id = \(tenant) and s.recipient = any(\(subjects)) and s.state in ('planned', 'deferred', 'claimed')
              and c.tenant_id = s.tenant_id and c.send_id = s.id and (c.tracks_opens or c.tracks_clicks)
            """,
        ]
    }
}

extension DeliveryRPC.PlannedSend {
    fileprivate var isTracked: Bool { tracksOpens == true || tracksClicks == true }
}
