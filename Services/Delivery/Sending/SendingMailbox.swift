import Contracts
import Foundation
import Mail
import NIOCore
import Postgres
import Primitives

/// A mailbox as sending needs it; the password stays sealed until a connection is made.
struct SendingMailbox: Sendable, Equatable {
    let tenant: TenantID
    let id: MailboxID
    let address: String
    let displayName: String
    let host: String
    let port: Int
    let security: SMTPSecurity
    let username: String
    /// Empty for one that signs in by a token.
    let passwordSealed: String
    let kind: MailboxKind
    /// Raised with every change of its settings: connections made under another are not used.
    let version: Int64
    /// Its mail goes to the recipients' own servers.
    var isDirect = false

    static func place(_ mailbox: MailboxID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "mailboxes.password", row: mailbox.description, tenant: tenant.uuid)
    }

    var server: SMTPServer { SMTPServer(host: host, port: port, security: security) }

    init(
        tenant: TenantID, id: MailboxID, address: String, displayName: String, host: String, port: Int, security: SMTPSecurity, username: String,
        passwordSealed: String, kind: MailboxKind = .basic, version: Int64, isDirect: Bool = false
    ) {
        self.tenant = tenant
        self.id = id
        self.address = address
        self.displayName = displayName
        self.host = host
        self.port = port
        self.security = security
        self.username = username
        self.passwordSealed = passwordSealed
        self.kind = kind
        self.version = version
        self.isDirect = isDirect
    }

    init(row: Row) throws(PostgresError) {
        self.init(
            tenant: try row.decode("tenant_id"), id: try row.decode("mailbox_id"), address: try row.decode("address"),
            displayName: try row.decode("display_name"), host: try row.decode("smtp_host"), port: try row.decode("smtp_port"),
            security: try row.decode("smtp_security"), username: try row.decode("smtp_username"), passwordSealed: try row.decode("password_sealed"),
            kind: try row.decode("authentication"), version: try row.decode("version"),
            isDirect: try row.decode("transport", as: String.self) == "direct")
    }
}

/// How a connection for a mailbox is made: a value with one effect, so that a test can give another.
struct SMTPConnector: Sendable {
    /// On one of the loops of the group, which may be a loop itself.
    let connect: @Sendable (SMTPServer, SMTPCredentials?, any EventLoopGroup) async throws(SMTPError) -> SMTPConnection
}
