import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime

/// Openings and clicks: what is put into mails, what comes of it, and what of that is told.
struct TrackingFeature: Sendable {
    static let keys = [
        ConfigurationKey(
            "delivery.tracking.networks.file",
            "Networks of machines (on a line scanner, prefetcher or cloud, then networks), besides the built-in ones.", default: "")
    ]

    let tokens: TrackingTokens
    let buffer: HitBuffer
    let intake: TrackingIntake
    let judge: TrackingJudge
    let host: TrackingHost
    private let networks: VisitorNetworks
    private let tenants: TenantTracking
    private let database: Database
    private let clock: WallClock
    private let unsubscribePrefix: String

    /// `trackingHost`: the proven tracking host of a company's sending domain.
    init(
        _ house: House, trackingHost: @escaping @Sendable (TenantID, _ domain: String) async -> String? = { _, _ in nil }
    ) throws {
        tokens = TrackingTokens(keyring: house.keyring)
        buffer = HitBuffer()
        networks = try Self.networks(house.settings["delivery.tracking.networks.file"])
        intake = TrackingIntake(buffer: buffer, database: house.worker, logger: house.logger)
        judge = TrackingJudge(database: house.worker, outbox: house.outbox, clock: house.clock, logger: house.logger)
        var base = house.publicBaseURL.absoluteString
        while base.hasSuffix("/") { base.removeLast() }
        host = TrackingHost(fallback: base, lookUp: trackingHost)
        unsubscribePrefix = base + "/u/"
        tenants = TenantTracking(api: house.api, worker: house.worker, outbox: house.outbox, clock: house.clock)
        database = house.worker
        clock = house.clock
    }

    /// For ``MessageComposer``.
    var tracker: MailTracker { MailTracker(tokens: tokens, untouched: [unsubscribePrefix]) }

    func routes(on router: Router<AppContext>) {
        TrackingRoutes(tokens: tokens, buffer: buffer, networks: networks, clock: clock).add(to: router)
        TrackingSettingRoutes(tracking: tenants).add(to: router)
    }

    var background: [any Service] { [intake, judge] }

    var jobHandlers: [String: JobHandler] {
        let (database, clock) = (database, clock)
        return [
            "tracking.sweep": { _ in
                while try await TrackingStore.sweep(before: clock.now.addingTimeInterval(-600), limit: 5_000, in: database) >= 5_000 {}
                return .done
            }
        ]
    }

    private static func networks(_ file: String) throws -> VisitorNetworks {
        guard !file.isEmpty else { return try VisitorNetworks(VisitorNetworks.known) }
        guard let text = try? String(contentsOf: URL(filePath: file), encoding: .utf8) else {
            throw SettingsError(problems: ["delivery.tracking.networks.file cannot be read"])
        }
        do {
            return try VisitorNetworks(VisitorNetworks.known, text)
        } catch {
            throw SettingsError(problems: ["delivery.tracking.networks.file: \(error)"])
        }
    }
}
