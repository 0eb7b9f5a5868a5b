import Contracts
import Foundation
import Postgres
import Primitives

/// What one company loses with a month, or with what a hold had kept: to be signed before it goes, since later only the note tells an expiry from a
/// deletion.
struct Pruning: Sendable {
    let tenant: TenantID
    let kept: String
    /// The first day, `2026-11-01`; nil for what a hold had kept.
    let month: String?
    let count: Int64
    /// `first-last,first-last`, ascending.
    let seqs: String
    /// The database's clock in the transaction that drops.
    let at: Date

    /// A row of `trail_retirement` or `trail_held_retirement`.
    init(_ row: Row, kept: String, month: String?) throws {
        self.kept = kept
        self.month = month
        tenant = try row.decode("tenant_id")
        count = try row.decode("entries")
        seqs = try row.decode("seqs")
        at = try row.decode("at")
    }

    /// One fact a line, each ended; `name` is the signer's.
    func text(name: String) -> String {
        """
        \(name)/\(tenant)/pruned
        class \(kept)
        month \(month ?? "-")
        count \(count)
        seqs \(seqs)
        at \(WireJSON.format(at))

        """
    }

    /// Signs all of them and writes the notes down, in the transaction that drops.
    static func sign(_ prunings: [Pruning], by signer: CheckpointSigner, in transaction: Transaction) async throws {
        guard !prunings.isEmpty else { return }
        let notes = try prunings.map { try signer.sign($0.text(name: signer.name)) }
        let ids = prunings.map { UUID.v7(at: $0.at) }
        try await transaction.query(
            """
            insert into trail_pruned (tenant_id, id, class, month, count, note, at)
            select n.tenant_id, n.id, n.class, n.month::date, n.count, n.note, now()
            from unnest(\(prunings.map(\.tenant)), \(ids), \(prunings.map(\.kept)), \(PostgresOptionals(prunings.map(\.month))),
                        \(prunings.map(\.count)), \(notes)) as n (tenant_id, id, class, month, count, note)
            """)
    }
}
