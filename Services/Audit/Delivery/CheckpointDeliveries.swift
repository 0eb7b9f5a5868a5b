import Contracts
import Foundation
import HTTP
import HTTPTypes
import Mail
import Postgres
import Primitives

/// Setting where a company's checkpoints go, and trying it out.
struct CheckpointDeliveries: Sendable {
    /// What somebody wants.
    enum Wish: Sendable {
        case webhook(String)
        case mail(String)
    }

    /// What a try gave.
    struct Trial: Sendable {
        let size: Int64
        let reply: CheckpointReply?
        /// Nil when it arrived.
        let failure: String?
    }

    /// Between two tries: they must not be a way of sending somebody many mails.
    private static let pause: TimeInterval = 60

    /// Of the `_api` role.
    let api: Database
    /// Of the `_worker` role.
    let worker: Database
    let acts: OwnActs
    let sender: CheckpointSender
    let clock: WallClock
    let wakeup: Wakeup

    func find(of tenant: TenantID) async throws -> CheckpointDelivery? {
        try await CheckpointDeliveryStore.find(of: tenant, in: api)
    }

    /// Replaces what was set before; gives the webhook's new secret, which nobody is told again. Problems `invalid_request`, `target_unreachable`
    /// and `mail_unavailable`.
    func set(_ wish: Wish, by identity: Identity, audit: AuditRecord) async throws -> (delivery: CheckpointDelivery, secret: String?) {
        let tenant = identity.tenant
        let now = clock.now
        let id = CheckpointDeliveryID(.v7(at: now))
        let (channel, target, host) = try await check(wish)
        let secret = channel == .webhook ? WebhookSignature.makeSecret() : nil
        let sealed = try secret.map { try sender.seal($0, for: id, of: tenant) }
        let new = CheckpointDelivery(
            id: id, channel: channel, target: target, setBy: "\(identity.actor.kind.rawValue):\(identity.actor.id)", setAt: now, nextAt: now,
            deliveredAt: nil, deliveredSize: nil, failingSince: nil, failure: nil)
        var audit = audit
        audit.targets = [Self.target(id)]
        // The host only: an address of a webhook may hold a secret, one of a mail names a person.
        audit.metadata = ["kind": channel.rawValue, "host": host]
        let record = audit
        let delivery = try await worker.transaction { transaction -> CheckpointDelivery in
            let delivery = try await CheckpointDeliveryStore.put(new, secretSealed: sealed, of: tenant, in: transaction)
            try await acts.record(record, of: tenant, by: identity.actor, in: transaction)
            return delivery
        }
        wakeup.signal()
        return (delivery, secret)
    }

    /// False when there is none.
    func delete(by identity: Identity, audit: AuditRecord) async throws -> Bool {
        let tenant = identity.tenant
        return try await worker.transaction { transaction -> Bool in
            guard let gone = try await CheckpointDeliveryStore.delete(of: tenant, in: transaction) else { return false }
            var record = audit
            record.targets = [Self.target(gone)]
            try await acts.record(record, of: tenant, by: identity.actor, in: transaction)
            return true
        }
    }

    /// Sends the newest checkpoint now; one that arrives counts like any other, one that does not changes nothing. Problems `not_found` and
    /// `too_many_tests`.
    func test(of tenant: TenantID) async throws -> Trial {
        let now = clock.now
        let since = now.addingTimeInterval(-Self.pause)
        guard let order = try await CheckpointDeliveryStore.claimTest(of: tenant, at: now, notSince: since, in: worker) else {
            guard try await find(of: tenant) != nil else { throw Problem.notFound("delivery of checkpoints") }
            throw Problem(
                .tooManyRequests, kind: "too_many_tests", title: "It was tried less than a minute ago.",
                headers: [.retryAfter: String(Int(Self.pause))])
        }
        guard let checkpoint = try await worker.transaction({ try await TrailCheckpoint.read(of: tenant, in: $0) }) else {
            throw Problem.notFound("checkpoint")
        }
        do {
            let reply = try await sender.send(checkpoint, by: order)
            let end = clock.now
            try await CheckpointDeliveryStore.delivered(
                order, size: checkpoint.size, at: end, next: end.addingTimeInterval(CheckpointSchedule.interval), in: worker)
            return Trial(size: checkpoint.size, reply: reply, failure: nil)
        } catch let failure as CheckpointFailure {
            return Trial(size: checkpoint.size, reply: failure.reply, failure: failure.reason)
        }
    }

    static func target(_ id: CheckpointDeliveryID) -> AuditRecord.Target {
        .init(type: "checkpoint_delivery", id: id.description)
    }

    /// The target as it is kept, and whose it is.
    private func check(_ wish: Wish) async throws(Problem) -> (channel: CheckpointChannel, target: String, host: String) {
        switch wish {
        case .webhook(let url):
            let address = try webhook(url)
            do throws(CheckpointFailure) {
                _ = try await address.resolve(reach: sender.reach)
            } catch {
                throw Problem.unprocessable(kind: "target_unreachable", title: error.reason, detail: "Webhooks must stand in the Internet.")
            }
            return (.webhook, address.text, address.host.lowercased())
        case .mail(let text):
            guard sender.canMail else {
                throw Problem.unprocessable(
                    kind: "mail_unavailable", title: "No mail server is set up here.", detail: "Have the checkpoints posted to a webhook.")
            }
            let address = try mailbox(text)
            return (.mail, address.description, address.domain.lowercased())
        }
    }

    private func webhook(_ url: String) throws(Problem) -> WebhookAddress {
        do throws(WebhookAddressError) {
            return try WebhookAddress(url, reach: sender.reach)
        } catch {
            throw Problem.invalid(error.reason, field: "url")
        }
    }

    private func mailbox(_ text: String) throws(Problem) -> MailAddress {
        do throws(MailAddressError) {
            return try MailAddress(text)
        } catch {
            throw Problem.invalid("address: \(error).", field: "address")
        }
    }
}
