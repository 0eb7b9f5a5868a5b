import Contracts
import Foundation
import Logging
import Primitives
import ServiceRuntime

/// Hands a checkpoint out, over whichever channel.
struct CheckpointSender: Sendable {
    static let keys: [ConfigurationKey] =
        CheckpointMailer.keys + [
            ConfigurationKey(
                "audit.webhook.reach",
                "Where webhooks may stand: public (https, addresses of the Internet) or anywhere (for development).", default: "public")
        ]

    /// What a webhook is told.
    private struct Body: Encodable {
        let type = "audit.checkpoint"
        let tenantId: TenantID
        let size: Int64
        let note: String
        let keys: [String]
        let at: Date
    }

    let reach: WebhookReach
    private let webhook: WebhookClient
    private let mailer: CheckpointMailer?
    /// The public keys of those who sign.
    private let verifierKeys: [String]
    private let keyring: Keyring
    private let clock: WallClock
    private let logger: Logger

    init(house: House, verifierKeys: [String]) throws {
        guard let reach = WebhookReach(rawValue: house.settings["audit.webhook.reach"]) else {
            throw SettingsError(problems: ["audit.webhook.reach must be public or anywhere"])
        }
        self.reach = reach
        webhook = WebhookClient(reach: reach, certificates: house.settings["mail.ca.file"])
        mailer = try CheckpointMailer.make(house.settings, logger: house.logger)
        self.verifierKeys = verifierKeys
        keyring = house.keyring
        clock = house.clock
        logger = house.logger
    }

    /// Whether there is a mail server.
    var canMail: Bool { mailer != nil }

    func seal(_ secret: String, for id: CheckpointDeliveryID, of tenant: TenantID) throws -> String {
        try keyring.seal(Data(secret.utf8), for: CheckpointOrder.place(id, of: tenant))
    }

    /// What the other side said. Throws ``CheckpointFailure``, or `CancellationError` when the task was cancelled.
    func send(_ checkpoint: TrailCheckpoint, by order: CheckpointOrder) async throws -> CheckpointReply {
        switch order.channel {
        case .webhook:
            let body = try WireJSON.encoder().encode(
                Body(tenantId: order.tenant, size: checkpoint.size, note: checkpoint.note, keys: verifierKeys, at: checkpoint.at))
            let signature = WebhookSignature.value(of: body, secret: try secret(of: order), at: clock.now)
            return try await webhook.post(body, signature: signature, to: try address(of: order))
        case .mail:
            guard let mailer else { throw CheckpointFailure("No mail server is set up here any more.") }
            return try await mailer.send(checkpoint, of: order.tenant, keys: verifierKeys, to: order.target, at: clock.now)
        case .log:
            logger.info("newest checkpoint of the platform's trail", metadata: ["size": "\(checkpoint.size)", "note": "\(checkpoint.note)"])
            return CheckpointReply(status: 200, text: "")
        }
    }

    private func secret(of order: CheckpointOrder) throws(CheckpointFailure) -> String {
        guard let sealed = order.secretSealed, let secret = try? keyring.open(sealed, for: CheckpointOrder.place(order.id, of: order.tenant)) else {
            throw CheckpointFailure("The signing secret cannot be read any more; set the webhook again.")
        }
        return String(decoding: secret, as: UTF8.self)
    }

    /// Looked at again: what was allowed when it was set need not be now.
    private func address(of order: CheckpointOrder) throws(CheckpointFailure) -> WebhookAddress {
        do throws(WebhookAddressError) {
            return try WebhookAddress(order.target, reach: reach)
        } catch {
            throw CheckpointFailure(error.reason)
        }
    }
}
