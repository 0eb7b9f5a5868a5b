import HTTP
import Hummingbird
import Primitives
import ServiceRuntime

/// Warm-ups: routes, and the job that looks back on their days.
struct WarmupFeature {
    private let warmups: Warmups
    let advance: WarmupAdvance

    init(_ house: House, wakeup: Wakeup) {
        warmups = Warmups(
            store: WarmupStore(database: house.api), database: house.api, worker: house.worker, outbox: house.outbox, wakeup: wakeup,
            clock: house.clock)
        advance = WarmupAdvance(database: house.worker, outbox: house.outbox, clock: house.clock)
    }

    func routes(on router: Router<AppContext>) {
        WarmupRoutes(warmups: warmups).add(to: router)
    }

    var handlers: [String: JobHandler] {
        let advance = advance
        return [
            "warmup.advance": { _ in
                try await advance.run()
                return .done
            }
        ]
    }
}
