import Contracts
import Foundation
import Logging
import Mail
import NIOPosix
import Primitives
import ServiceRuntime

/// Hands checkpoints to the operator's SMTP server, one connection a mail: these are few.
struct CheckpointMailer: Sendable {
    static let keys: [ConfigurationKey] = [
        ConfigurationKey("mail.host", "SMTP server for the daily checkpoints; empty: no company can have them by mail.", default: ""),
        ConfigurationKey("mail.port", "Its port.", default: "587"),
        ConfigurationKey("mail.security", "starttls, tls or none.", default: "starttls"),
        ConfigurationKey("mail.username", "User at the SMTP server; empty for none.", default: ""),
        ConfigurationKey("mail.password", "Password at the SMTP server.", default: "", isSecret: true),
        ConfigurationKey("mail.from", "The sender's address.", default: ""),
    ]

    /// Short, since somebody may be waiting for a try.
    private static let timeouts = SMTPTimeouts(
        connect: .seconds(5), greeting: .seconds(10), command: .seconds(10), body: .seconds(20), quit: .seconds(2))

    private let server: SMTPServer
    private let credentials: SMTPCredentials?
    private let from: MailAddress
    private let trust: SMTPTrust
    private let logger: Logger

    /// Nil where the settings name no server.
    static func make(_ settings: Settings, logger: Logger) throws -> CheckpointMailer? {
        guard !settings["mail.host"].isEmpty else { return nil }
        return try CheckpointMailer(settings, logger: logger)
    }

    private init(_ settings: Settings, logger: Logger) throws {
        guard let security = SMTPSecurity(rawValue: settings["mail.security"]) else {
            throw SettingsError(problems: ["mail.security must be starttls, tls or none"])
        }
        server = SMTPServer(host: settings["mail.host"], port: try settings.integer("mail.port", in: 1...65_535), security: security)
        let username = settings["mail.username"]
        credentials = username.isEmpty ? nil : SMTPCredentials.password(username: username, password: settings["mail.password"])
        do {
            from = try MailAddress(settings["mail.from"])
        } catch {
            throw SettingsError(problems: ["mail.from: \(error)"])
        }
        let certificates = settings["mail.ca.file"]
        trust = try SMTPTrust(certificateFile: certificates.isEmpty ? nil : certificates)
        self.logger = logger
    }

    /// What the server said when it took the mail. Throws ``CheckpointFailure``, or `CancellationError` when the task was cancelled.
    func send(
        _ checkpoint: TrailCheckpoint, of tenant: TenantID, keys: [String], to recipient: String, at now: Date
    ) async throws -> CheckpointReply {
        do {
            let recipient = try MailAddress(recipient)
            let message = CheckpointMail(checkpoint: checkpoint, tenant: tenant, keys: keys).message(from: from, to: recipient, at: now)
            let connection = try await SMTPConnection.connect(
                to: server, credentials: credentials, on: MultiThreadedEventLoopGroup.singleton, trust: trust, timeouts: Self.timeouts,
                logger: logger)
            let outcome = try await connection.send(
                envelope: SMTPEnvelope(sender: from, recipients: [recipient]), message: try message.serialized())
            await connection.quit()
            let reply = CheckpointReply(status: outcome.reply.code, text: String(outcome.reply.text.prefix(500)))
            guard case .accepted = outcome else { throw CheckpointFailure("The mail server answered \(reply.status).", reply: reply) }
            return reply
        } catch let failure as CheckpointFailure {
            throw failure
        } catch let error as SMTPError {
            if Task.isCancelled { throw CancellationError() }
            logger.warning("a checkpoint's mail was not handed in", metadata: ["error": "\(error)"])
            throw CheckpointFailure("The mail server could not be used (\(error.code)).")
        } catch {
            throw CheckpointFailure("The mail cannot be written to this address.")
        }
    }
}

/// What a company reads of a checkpoint.
struct CheckpointMail: Sendable {
    let checkpoint: TrailCheckpoint
    let tenant: TenantID
    let keys: [String]

    func message(from: MailAddress, to recipient: MailAddress, at now: Date) -> MailMessage {
        let day = WireJSON.format(now).prefix(10)
        return MailMessage(
            from: from.named("PenguinMails"), to: [recipient.named(nil)], subject: "Checkpoint of your audit trail, \(day)", text: text,
            // The same however often this is tried on one day.
            messageIdentifier: "checkpoint.\(tenant).\(checkpoint.size).\(day)@\(from.domain)", date: now)
    }

    private var text: String {
        """
        Keep this mail where we cannot reach it: the signed note below says what the \(checkpoint.size) entries of your audit trail were at \
        \(WireJSON.format(checkpoint.at)), and nobody can change or remove one of them any more without being found out.
        To check, save the lines between the rules as a file "checkpoint" and the keys below as "trail.pub", export the whole trail as NDJSON, \
        and run "penguin audit verify --export trail.ndjson --key trail.pub --since checkpoint", which says whether it still begins with this.

        \(Self.rule)
        \(checkpoint.note)\(Self.rule)

        The keys to verify the signature with:
        \(keys.joined(separator: "\n"))

        """
    }

    private static let rule = String(repeating: "-", count: 40)
}
