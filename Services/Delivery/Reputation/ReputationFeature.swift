import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Reputation, complaint holds and blacklists: routes, jobs, and the counting that others call in their transactions.
struct ReputationFeature {
    static let keys = [
        ConfigurationKey(
            "delivery.blacklist.domain.zones",
            "Blacklists to ask about the domains of senders, apart by commas, such as dbl.spamhaus.org; empty asks none. Read the terms of each.",
            default: ""),
        ConfigurationKey(
            "delivery.blacklist.ip.zones",
            "Blacklists to ask about the addresses of your own mail servers, apart by commas, such as zen.spamhaus.org; empty asks none.",
            default: ""),
        ConfigurationKey(
            "delivery.blacklist.own.hosts", "SMTP hosts that you operate, apart by commas: only their addresses are asked about.", default: ""),
    ]

    /// Whoever tells ``DeliveryEvents/FeedbackReceived`` counts it by this, in the same transaction.
    let feedback: FeedbackCounts
    let scoring: ReputationScoring
    let recount: ReputationRecount
    let blacklists: BlacklistChecks
    private let routes: ReputationRoutes
    private let system: SystemReputationRoutes

    /// `lookup` gives the IPv4 addresses of a name: empty when it has none, nil when it could not be asked; `resolvers` are those it goes through,
    /// where they are configured.
    init(
        _ house: House, wakeup: Wakeup, directory: DomainDirectory, resolvers: [String], lookup: @escaping @Sendable (String) async -> [String]?
    ) throws {
        let (domains, addresses) = (house.settings["delivery.blacklist.domain.zones"], house.settings["delivery.blacklist.ip.zones"])
        guard let domainZones = BlacklistZone.parse(domains, .domain), let addressZones = BlacklistZone.parse(addresses, .ip) else {
            throw SettingsError(problems: ["delivery.blacklist.domain.zones and delivery.blacklist.ip.zones must be names of zones, apart by commas"])
        }
        let hosts = house.settings["delivery.blacklist.own.hosts"].split(whereSeparator: { $0 == "," || $0.isWhitespace }).map { $0.lowercased() }
        let holds = ComplaintHolds(outbox: house.outbox)
        feedback = FeedbackCounts(holds: holds)
        scoring = ReputationScoring(database: house.worker, outbox: house.outbox, clock: house.clock)
        recount = ReputationRecount(database: house.worker, clock: house.clock)
        blacklists = BlacklistChecks(
            database: house.worker,
            configuration: .init(zones: domainZones + addressZones, ownHosts: Set(hosts), resolvers: resolvers), lookup: lookup,
            clock: house.clock, logger: house.logger)
        let list = ReputationList(api: house.api, worker: house.worker)
        routes = ReputationRoutes(
            store: ReputationStore(database: house.api), list: list, holds: holds, directory: directory, api: house.api, outbox: house.outbox,
            wakeup: wakeup, clock: house.clock)
        system = SystemReputationRoutes(
            list: list, holds: holds, worker: house.worker, outbox: house.outbox, wakeup: wakeup, clock: house.clock)
    }

    func routes(on router: Router<AppContext>) {
        routes.add(to: router)
        system.add(to: router)
    }

    var handlers: [String: JobHandler] {
        let (scoring, recount, blacklists) = (scoring, recount, blacklists)
        return [
            "reputation.recount": { _ in
                try await recount.run()
                return .done
            },
            "reputation.score": { _ in
                try await scoring.run()
                return .done
            },
            "reputation.blacklists": { _ in
                try await blacklists.run()
                return .done
            },
        ]
    }
}
