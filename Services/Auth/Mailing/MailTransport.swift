import Foundation
import Logging
import ServiceRuntime

/// How Auth's mails leave: a value with one effect, so that a test can give another.
struct MailTransport: Sendable {
    /// Why a mail was not taken.
    struct Failure: Error, CustomStringConvertible {
        let reason: String
        /// Trying again cannot help.
        let isPermanent: Bool
        var description: String { reason }
    }

    /// Sends one mail; the identifier is the same at every try of one mail. Throws ``Failure``.
    let send: @Sendable (OutgoingMail, _ recipient: String, _ identifier: UUID) async throws -> Void

    static let keys: [ConfigurationKey] =
        [ConfigurationKey("mail.provider", "Who sends mails about accounts: smtp or loops.", default: "smtp")] + smtpKeys + LoopsTransport.keys

    /// The one that the settings name.
    static func make(_ settings: Settings, logger: Logger) throws -> MailTransport {
        switch settings["mail.provider"] {
        case "smtp": try smtp(settings, logger: logger)
        case "loops": try LoopsTransport(settings).transport
        default: throw SettingsError(problems: ["mail.provider must be smtp or loops"])
        }
    }
}
