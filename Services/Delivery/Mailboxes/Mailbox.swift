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
}
