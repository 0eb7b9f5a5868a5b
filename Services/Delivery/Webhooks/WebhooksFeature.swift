import Contracts
import Foundation
import HTTP
import Hummingbird
import OutgoingHTTP
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime

/// Tells tenants' own servers what happens: hears it from the streams of Delivery and Campaigns, keeps it, delivers it, shows how that went.
struct WebhooksFeature: Sendable {
    static let reachKey = ConfigurationKey(
        "delivery.webhook.reach", "Where webhooks may stand: public (https, addresses of the Internet) or anywhere (for development).",
        default: "public")
    static let certificatesKey = ConfigurationKey(
        "delivery.webhook.ca.file", "Certificate authorities (PEM) to trust besides the system's when webhooks are called.", default: "")
    static let slotsKey = ConfigurationKey(
        "delivery.webhook.slots", "Requests to webhooks under way at most, in this replica.", default: "512")

    let courier: WebhookCourier
    let retention: WebhookRetention
    let publisher: WebhookPublisher
    private let routes: WebhookRoutes
    private let clock: WallClock
    let background: [any Service]

    init(_ house: House) throws {
        let settings = house.settings
        guard let reach = OutgoingReach(rawValue: settings[Self.reachKey.name]) else {
            throw SettingsError(problems: ["delivery.webhook.reach must be public or anywhere"])
        }
        let http = try OutgoingHTTP(
            reach: reach, certificates: settings[Self.certificatesKey.name], userAgent: "PenguinMails-Webhooks/1", logger: house.logger)
        let wakeup = Wakeup()
        let sender = WebhookSender(http: http, reach: reach, keyring: house.keyring, clock: house.clock)
        let publisher = WebhookPublisher(clock: house.clock)
        let courier = WebhookCourier(
            queue: WebhookQueue(database: house.worker), sender: sender, outbox: house.outbox, clock: house.clock, wakeup: wakeup,
            logger: house.logger, slots: try settings.integer(Self.slotsKey.name, in: 1...1_500),
            spread: { Double.random(in: -1...1) })
        let retention = WebhookRetention(database: house.worker, clock: house.clock, logger: house.logger)
        self.publisher = publisher
        self.courier = courier
        self.retention = retention
        routes = WebhookRoutes(
            webhooks: Webhooks(
                database: house.api, auth: house.peer(.auth), keyring: house.keyring, sender: sender, outbox: house.outbox, clock: house.clock,
                wakeup: wakeup),
            reach: reach, idempotency: IdempotencyKeys(database: house.api, clock: house.clock))
        clock = house.clock
        // One event may tell of hundreds of mails.
        let readers = [ServiceName.delivery, .campaigns].map { source in
            house.consumer(of: source, batch: 20) { events, transaction in
                try await publisher.hear(events, in: transaction)
                wakeup.signal()
            }
        }
        background = readers + [courier, retention]
    }

    func routes(on router: Router<AppContext>) {
        routes.add(to: router)
    }

    /// For the public status: whether what is due goes out; a server that does not answer makes nobody wait but itself.
    func health() async -> PartHealth {
        let oldest: Date?
        do {
            oldest = try await courier.queue.oldestDue(now: clock.now)
        } catch {
            return .bad
        }
        guard let oldest else { return .good }
        let lag = clock.now.timeIntervalSince(oldest)
        return lag < 60 ? .good : lag < 300 ? .impaired : .bad
    }
}
