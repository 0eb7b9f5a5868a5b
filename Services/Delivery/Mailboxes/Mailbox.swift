import Contracts
import Foundation
import HTTP
import HTTPTypes
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
    /// How it signs in.
    let kind: MailboxKind
    let smtp: SMTP
    /// Of one that signs in by a token.
    let consent: ConsentView?
    /// `smtp`: its own server takes its mail; `direct`: the servers of its recipients do.
    var transport = "smtp"
    /// `active`, `paused` (by somebody or a rule) or `stopped` (its server does not let it in).
    let state: String
    let stateReason: String?
    let limits: MailboxLimits
    /// Closed until then by its own pace.
    let opensAt: Date?
    let createdAt: Date
}

extension Mailbox {
    /// Throws a problem for one that has no password to be changed.
    func requirePassword() throws(Problem) {
        guard kind == .oauth else { return }
        throw Problem(
            .conflict, kind: "mailbox_uses_oauth", title: "The mailbox signs in through its provider, not by a password.",
            detail: "Renew what was consented to there.", extensions: ["renew": .text("/api/v1/mailboxes/\(id)/oauth")])
    }
}

/// How a mailbox signs in to its servers.
enum MailboxKind: String, Sendable, Codable {
    /// By user name and password.
    case basic
    /// By an access token, which its provider gives for a person's consent.
    case oauth
}

/// What a mailbox signs in with, as it is stored.
enum MailboxSecret: Sendable {
    case password(sealed: String)
    /// Asked for when it is needed.
    case token

    var kind: MailboxKind {
        switch self {
        case .password: .basic
        case .token: .oauth
        }
    }

    var sealed: String {
        switch self {
        case .password(let sealed): sealed
        case .token: ""
        }
    }
}

/// How much a mailbox sends.
struct MailboxLimits: Codable, Sendable, Equatable {
    /// Mails in any 24 hours.
    var daily: Int?
    /// Mails in any hour.
    var hourly: Int?
    /// Seconds between the end of one mail and the start of the next.
    var gapSeconds = 0
    /// The strategy by which it comes to the daily limit; the warm-up begins when it is set.
    var ramp: String?

    init(daily: Int? = nil, hourly: Int? = nil, gapSeconds: Int = 0, ramp: String? = nil) {
        self.daily = daily
        self.hourly = hourly
        self.gapSeconds = gapSeconds
        self.ramp = ramp
    }

    /// What is left out is no limit.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            daily: try container.decodeIfPresent(Int.self, forKey: .daily), hourly: try container.decodeIfPresent(Int.self, forKey: .hourly),
            gapSeconds: try container.decodeIfPresent(Int.self, forKey: .gapSeconds) ?? 0,
            ramp: try container.decodeIfPresent(String.self, forKey: .ramp))
    }
}

/// What is needed to send for somebody.
struct SMTPAccount: Codable, Sendable {
    let host: String
    let port: Int
    let security: SMTPSecurity
    let username: String
    let password: String

    var server: SMTPServer { SMTPServer(host: host, port: port, security: security) }

    /// Nil: the server takes mail from anybody.
    var credentials: SMTPCredentials? { username.isEmpty ? nil : .password(username: username, password: password) }
}
