import Contracts
import Postgres

extension PurgeStore {
    /// How they are read, and what was; what was consented to while the purge was under way goes with it.
    func readingParts(whose: SQL) -> [SQL] {
        [
            "delete from mailbox_consents where ctid = any(array(select ctid from mailbox_consents where \(whose) limit \(batch)))",
            "delete from mailbox_readers where ctid = any(array(select ctid from mailbox_readers where \(whose) limit \(batch)))",
            "delete from mailbox_folders where ctid = any(array(select ctid from mailbox_folders where \(whose) limit \(batch)))",
            "delete from mailbox_mails where ctid = any(array(select ctid from mailbox_mails where \(whose) limit \(batch)))",
            "delete from mailbox_quarantine where ctid = any(array(select ctid from mailbox_quarantine where \(whose) limit \(batch)))",
        ]
    }
}
