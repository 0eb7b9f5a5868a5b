import Contracts

/// The bounds of an entry: what exceeds them is put into quarantine, not cut. Every outbox brings its records within them before they travel.
enum TrailRules {
    /// Why an entry cannot be stored; nil when it can.
    static func violation(of record: AuditRecord, in header: EventHeader) -> String? {
        AuditRecordBounds.violation(of: record, in: header)
    }

    /// `noun.verb`: two to four parts of lower-case letters, digits and underscores, each beginning with a letter.
    static func isAction(_ text: String) -> Bool { AuditRecordBounds.isAction(text) }

    /// The caller's browser may write anything here, so a bad one is left out: it must not keep an entry out of the trail.
    static func trace(of header: EventHeader) -> String? {
        header.trace.flatMap { $0.utf8.count <= 128 && !$0.utf8.contains(0) ? $0 : nil }
    }
}
