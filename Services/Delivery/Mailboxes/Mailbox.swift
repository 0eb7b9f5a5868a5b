import Contracts
import Foundation
import Mail

/// A sending account as its owner sees it; the password is nowhere in it.
struct Mailbox: Encodable, Sendable {
    struct SMTP: Encodable, Sendable {
        let host: String
        let port: Int
        let security: SMTPSecurity
        let username: String
    }

    let id: MailboxID
    let workspace: WorkspaceID
    let address: String
    let displayName: String
    let smtp: SMTP
    let state: String
    let stateReason: String?
    let createdAt: Date
}

/// What is needed to send for somebody.
struct SMTPAccount: Codable, Sendable {
    let host: String
    let port: Int
    let security: SMTPSecurity
    let username: String
    let password: String
}
