import Contracts
import Foundation
import HTTP
import IMAP
import Postgres
import Primitives

/// What is needed to read somebody's mailbox.
struct IMAPAccount: Codable, Sendable {
    let host: String
    let port: Int
    let security: IMAPSecurity
    let username: String
    let password: String

    var server: IMAPServer { IMAPServer(host: host, port: port, security: security) }

    /// A 400 problem for what cannot be right.
    func check() throws(Problem) {
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Problem.invalid("imap.host must be a host name.", field: "imap.host")
        }
        guard (1...65_535).contains(port) else { throw Problem.invalid("imap.port must be 1 to 65535.", field: "imap.port") }
        guard (1...255).contains(username.utf8.count), (1...1_024).contains(password.utf8.count) else {
            throw Problem.invalid("imap.username must have 1 to 255 bytes, imap.password 1 to 1024.", field: "imap")
        }
    }
}

/// How a mailbox is read, as its owner sees it; the password is nowhere in it.
struct MailboxReadingView: Encodable, Sendable {
    let host: String
    let port: Int
    let security: IMAPSecurity
    let username: String
    /// `active`, or `failing`: it cannot be read, and is tried again ever more rarely.
    let state: String
    let stateReason: String?
    /// When all of it was last read.
    let readAt: Date?
    /// Mails that could not be taken in and were passed over.
    let quarantined: Int
}

/// A mailbox together with how it is read and how it fares.
struct MailboxView: Encodable, Sendable {
    let mailbox: Mailbox
    let imap: MailboxReadingView?
    let figures: MailboxFigures?

    private enum CodingKeys: CodingKey {
        case imap
    }

    func encode(to encoder: any Encoder) throws {
        try mailbox.encode(to: encoder)
        try figures?.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(imap, forKey: .imap)
    }
}

/// A mailbox in a reader's hands; the password stays sealed until a connection is made.
struct ReadingMailbox: Sendable, Equatable {
    let tenant: TenantID
    let id: MailboxID
    let workspace: WorkspaceID
    let address: String
    let server: IMAPServer
    let username: String
    /// Nil: it signs in by an access token.
    let passwordSealed: String?
    /// Raised by each that takes it.
    let fence: Int64
    let failures: Int
    let isFailing: Bool

    static func place(_ mailbox: MailboxID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "mailbox_readers.password", row: mailbox.description, tenant: tenant.uuid)
    }

    init(row: Row) throws(PostgresError) {
        tenant = try row.decode("tenant_id")
        id = try row.decode("mailbox_id")
        workspace = try row.decode("workspace_id")
        address = try row.decode("address")
        server = IMAPServer(host: try row.decode("host"), port: try row.decode("port"), security: try row.decode("security"))
        username = try row.decode("username")
        passwordSealed = try row.decodeOptional("password_sealed")
        fence = try row.decode("fence")
        failures = try row.decode("failures")
        isFailing = try row.decode("state", as: String.self) == "failing"
    }
}

/// How a mailbox is signed in to for reading: a value with one effect, so that a test can give another.
struct IMAPConnector: Sendable {
    let connect: @Sendable (IMAPServer, IMAPCredentials) async throws(IMAPError) -> IMAPConnection
}
