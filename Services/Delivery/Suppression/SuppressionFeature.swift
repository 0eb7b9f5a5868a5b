import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import ServiceRuntime

/// Who is not written to: the lists, the rules, and the pages by which people leave.
struct SuppressionFeature: Sendable {
    let suppressions: Suppressions
    private let list: TenantSuppressions
    private let platform: PlatformSuppressions
    private let preferences: Preferences
    private let links: UnsubscribeLinks
    private let database: Database
    private let clock: WallClock

    init(_ house: House, digests: AddressDigests, links: UnsubscribeLinks, feedback: FeedbackCounts) {
        suppressions = Suppressions(
            database: house.worker, erased: ErasedOptOuts(digests: digests), outbox: house.outbox, clock: house.clock)
        list = TenantSuppressions(
            api: house.api, worker: house.worker, suppressions: suppressions, outbox: house.outbox, clock: house.clock)
        platform = PlatformSuppressions(database: house.worker, outbox: house.outbox, clock: house.clock)
        preferences = Preferences(suppressions: suppressions, feedback: feedback)
        self.links = links
        database = house.worker
        clock = house.clock
    }

    func routes(on router: Router<AppContext>) {
        SuppressionRoutes(list: list).add(to: router)
        PlatformSuppressionRoutes(list: platform).add(to: router)
        UnsubscribeRoutes(links: links, preferences: preferences).add(to: router)
    }

    var jobHandlers: [String: JobHandler] {
        let sweep = SuppressionSweep(database: database, clock: clock)
        return [
            "suppression.sweep": { _ in
                try await sweep.run()
                return .done
            }
        ]
    }
}

/// Removes entries that have ended, and bounces that are too old to be in a row with anything.
struct SuppressionSweep: Sendable {
    private static let batch = 5_000
    /// An entry that has ended is shown for a while to whoever asks for it.
    static let shown: TimeInterval = 30 * 86_400
    static let bouncesKept: TimeInterval = 180 * 86_400

    let database: Database
    let clock: WallClock

    func run() async throws {
        let ended = clock.now.addingTimeInterval(-Self.shown)
        let old = clock.now.addingTimeInterval(-Self.bouncesKept)
        try await deleteAll(
            """
            delete from suppressions where (tenant_id, id) in (
                select tenant_id, id from suppressions where expires_at < \(ended) order by expires_at limit \(Self.batch)) and expires_at < \(ended)
            """)
        try await deleteAll(
            """
            delete from platform_suppressions where id in (
                select id from platform_suppressions where expires_at < \(ended) order by expires_at limit \(Self.batch)) and expires_at < \(ended)
            """)
        try await deleteAll(
            """
            delete from soft_bounces where (tenant_id, recipient, send_id) in (
                select tenant_id, recipient, send_id from soft_bounces where at < \(old) order by at limit \(Self.batch))
            """)
    }

    private func deleteAll(_ statement: SQL) async throws {
        while try await database.query(statement).affected == Self.batch {}
    }
}
