import Contracts
import Foundation

/// A mail as it came out of a mailbox, and where it lay.
struct FetchedMail: Sendable {
    enum Folder: String, Sendable {
        case inbox
        /// What was sent from the mailbox, by us or by hand: tells the Message-ID that the provider really used.
        case sent
        case spam
    }

    let tenant: TenantID
    let workspace: WorkspaceID
    let mailbox: MailboxID
    let folder: Folder
    let uidValidity: UInt32
    let uid: UInt32
    /// INTERNALDATE.
    let receivedAt: Date
    let bytes: [UInt8]
}
