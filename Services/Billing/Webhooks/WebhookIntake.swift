import Foundation
import Logging
import Metrics
import Postgres
import Primitives

/// Takes what Stripe sends: the signature over the raw bytes, one row, and nothing else; the answer waits for no more than that.
struct WebhookIntake: Sendable {
    /// Which endpoint at Stripe sent it; each has its own secret.
    enum Endpoint: String, Sendable {
        case platform, connect
    }

    enum Refusal: Error, Equatable {
        case notConfigured
        /// Not by Stripe, not for us, or not from now.
        case invalidSignature
        /// By Stripe, and still not an event.
        case unreadable
    }

    static let maximumBytes = 1 << 20

    let settings: StripeSettings
    /// Of requests.
    let database: Database
    let clock: WallClock
    let wakeup: Wakeup
    let logger: Logger

    func take(_ body: Data, signature: String?, at endpoint: Endpoint) async throws {
        guard settings.isConfigured else { throw Refusal.notConfigured }
        let now = clock.now
        let secrets = endpoint == .platform ? settings.webhookSecrets : settings.connectWebhookSecrets
        do throws(StripeSignature.Fault) {
            try StripeSignature.verify(header: signature, rawBody: body, secrets: secrets, now: now)
        } catch {
            count(endpoint, "forged")
            logger.notice("webhook refused", metadata: ["endpoint": "\(endpoint)", "fault": "\(error.rawValue)"])
            throw Refusal.invalidSignature
        }
        guard let event = try? StripeJSON.decoder.decode(StripeEvent.self, from: body) else {
            count(endpoint, "unreadable")
            logger.error("a signed webhook is no event", metadata: ["endpoint": "\(endpoint)", "bytes": "\(body.count)"])
            throw Refusal.unreadable
        }
        // Stripe sends a Connect endpoint of live accounts the events of test ones, too: objects that our key does not know.
        if endpoint == .connect, let livemode = event.livemode, livemode != settings.isLive { return count(endpoint, "other_mode") }
        let isNew = try await EventInbox.insert(event, source: .webhook, note: note(event, endpoint), at: now, in: database)
        count(endpoint, isNew ? "new" : "repeated")
        if isNew { wakeup.signal() }
    }

    /// What is odd about it. The object is read again in our own version and mode, so it is taken all the same, and seen.
    private func note(_ event: StripeEvent, _ endpoint: Endpoint) -> String? {
        var notes: [String] = []
        if event.apiVersion != StripeClient.apiVersion { notes.append("api_version") }
        if let livemode = event.livemode, livemode != settings.isLive { notes.append("livemode") }
        for note in notes {
            Counter(label: "stripe_webhooks_odd_total", dimensions: [("endpoint", endpoint.rawValue), ("note", note)]).increment()
            logger.warning("an odd webhook", metadata: ["event": "\(event.id)", "type": "\(event.type)", "note": "\(note)"])
        }
        return notes.isEmpty ? nil : notes.joined(separator: " ")
    }

    private func count(_ endpoint: Endpoint, _ outcome: String) {
        Counter(label: "stripe_webhooks_total", dimensions: [("endpoint", endpoint.rawValue), ("outcome", outcome)]).increment()
    }
}

extension StripeSettings {
    /// Whether the key moves real money.
    var isLive: Bool { secretKey.hasPrefix("sk_live_") || secretKey.hasPrefix("rk_live_") }
}
