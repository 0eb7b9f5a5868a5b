import Contracts
import Foundation
import Logging
import Mail
import NIOPosix
import Primitives
import ServiceRuntime

extension MailTransport {
    static let smtpKeys: [ConfigurationKey] = [
        ConfigurationKey("mail.host", "SMTP server for mails about accounts.", default: ""),
        ConfigurationKey("mail.port", "Its port.", default: "587"),
        ConfigurationKey("mail.security", "starttls, tls or none.", default: "starttls"),
        ConfigurationKey("mail.username", "User at the SMTP server; empty for none.", default: ""),
        ConfigurationKey("mail.password", "Password at the SMTP server.", default: "", isSecret: true),
        ConfigurationKey("mail.from", "The sender's address.", default: ""),
        ConfigurationKey("mail.ca.file", "Certificate authorities (PEM) to trust besides the system's.", default: ""),
    ]

    /// Over SMTP, one connection a mail: these are few, and each matters more than speed.
    static func smtp(_ settings: Settings, logger: Logger) throws -> MailTransport {
        guard let security = SMTPSecurity(rawValue: settings["mail.security"]) else {
            throw SettingsError(problems: ["mail.security must be starttls, tls or none"])
        }
        for key in ["mail.host", "mail.from"] where settings[key].isEmpty {
            throw SettingsError(problems: ["\(key) is missing: mail.provider is smtp"])
        }
        let server = SMTPServer(host: settings["mail.host"], port: try settings.integer("mail.port", in: 1...65_535), security: security)
        let username = settings["mail.username"]
        let credentials = username.isEmpty ? nil : SMTPCredentials.password(username: username, password: settings["mail.password"])
        let from = settings["mail.from"]
        let certificates = settings["mail.ca.file"]
        return MailTransport { mail, recipient, identifier in
            do {
                let sender = try MailAddress(from)
                let message = MailMessage(
                    from: sender.named("PenguinMails"), to: [try MailAddress(recipient).named(nil)], subject: mail.subject, text: mail.text,
                    html: mail.html, messageIdentifier: "\(identifier.text)@\(sender.domain)",
                    date: identifier.v7Instant ?? Date(timeIntervalSince1970: 0))
                let trust = try SMTPTrust(certificateFile: certificates.isEmpty ? nil : certificates)
                let connection = try await SMTPConnection.connect(
                    to: server, credentials: credentials, on: MultiThreadedEventLoopGroup.singleton, trust: trust, logger: logger)
                let outcome = try await connection.send(
                    envelope: SMTPEnvelope(sender: sender, recipients: [try MailAddress(recipient)]), message: try message.serialized()
                ) {}
                await connection.quit()
                if case .accepted = outcome { return }
                throw Failure(reason: "\(outcome.reply)", isPermanent: outcome.reply.isPermanent)
            } catch let failure as Failure {
                throw failure
            } catch let error as SMTPError {
                throw Failure(reason: "\(error)", isPermanent: false)
            } catch {
                throw Failure(reason: "\(error)", isPermanent: true)
            }
        }
    }
}
