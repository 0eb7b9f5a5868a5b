import Contracts
import HTTP
import Hummingbird
import MIME
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime

/// The inbox, and what becomes of mail after it was fetched: one value for the composition root.
struct InboxFeature: Sendable {
    static let retentionDays = ConfigurationKey(
        "delivery.retention.inbox.days", "How long a conversation is kept after its last mail.", default: "730")

    /// What the fetcher calls in the transaction that moves its mark.
    let processing: InboundProcessing
    private let routes: InboxRoutes
    private let keeper: InboxKeeper

    init(
        _ house: House, links: UnsubscribeLinks, suppressions: Suppressions, enqueuer: Enqueuer, watch: SessionWatch, wakeup: Wakeup,
        feedback: FeedbackCounts, parse: @escaping @Sendable ([UInt8]) throws -> ParsedMail,
        classify: @escaping @Sendable (ParsedMail, String?) -> [InboundVerdict]
    ) throws {
        processing = InboundProcessing(
            parse: parse, classify: classify, store: InboundMatchStore(links: links), outbox: house.outbox, suppressions: suppressions,
            counts: feedback, clock: house.clock,
            logger: house.logger)
        let store = InboxStore(database: house.api)
        routes = InboxRoutes(
            inbox: Inbox(store: store, clock: house.clock),
            reply: InboxReply(
                database: house.worker, enqueuer: enqueuer, suppressions: suppressions, outbox: house.outbox, wakeup: wakeup, clock: house.clock),
            live: InboxLive(store: store, watch: watch), idempotency: IdempotencyKeys(database: house.api, clock: house.clock))
        keeper = InboxKeeper(
            database: house.worker, retentionDays: try house.settings.integer("delivery.retention.inbox.days", in: 1...36_500), clock: house.clock,
            logger: house.logger)
    }

    func routes(on router: Router<AppContext>) {
        routes.add(to: router)
    }

    var background: [any Service] { [keeper] }

    var jobHandlers: [String: JobHandler] {
        let keeper = keeper
        return [
            "inbox.retention": { _ in
                try await keeper.prune()
                return .done
            }
        ]
    }
}
