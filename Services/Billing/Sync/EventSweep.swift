import Contracts
import Foundation
import Postgres
import Primitives

/// Asks Stripe for events that may not have reached us: those that it could not deliver, and all of the last day that mean something to us.
struct EventSweep: Sendable {
    struct Outcome: Codable, Sendable, Equatable {
        var listed = 0
        /// Those that had not come before.
        var found = 0
    }

    /// How far it looks back; Stripe itself tries for three days.
    static let reach: TimeInterval = 86_400
    private static let maximumPages = 100
    /// As many types as Stripe's list takes.
    private static let maximumTypes = 20

    let stripe: StripeClient
    let database: Database
    let clock: WallClock
    let wakeup: Wakeup

    func run() async throws -> Outcome {
        var outcome = Outcome()
        let since = StripeValue.integer(Int64(clock.now.addingTimeInterval(-Self.reach).timeIntervalSince1970))
        let all = EventWork.platformTypes
        for start in stride(from: 0, to: all.count, by: Self.maximumTypes) {
            let types = StripeValue.list(all[start...].prefix(Self.maximumTypes).map { .text($0) })
            try await take(["delivery_success": false, "types": types], &outcome)
            try await take(["created": .map([("gte", since)]), "types": types], &outcome)
        }
        if outcome.found > 0 { wakeup.signal() }
        return outcome
    }

    private func take(_ query: StripeParameters, _ outcome: inout Outcome) async throws {
        var query = query
        query["limit"] = 100
        for _ in 0..<Self.maximumPages {
            let page = try await stripe.read(StripeList<StripeEvent>.self, "/v1/events", query)
            for event in page.data {
                outcome.listed += 1
                let note = event.apiVersion == StripeClient.apiVersion ? nil : "api_version"
                if try await EventInbox.insert(event, source: .sweep, note: note, at: clock.now, in: database) { outcome.found += 1 }
            }
            guard page.hasMore, let last = page.data.last?.id else { return }
            query["starting_after"] = .text(last)
        }
    }
}
