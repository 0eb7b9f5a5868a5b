import Contracts
import Foundation
import Postgres

/// What the end of a delivery did to its endpoint, for the trail.
struct WebhookStop: Sendable, Equatable {
    let state: WebhookEndpoint.State
    let reason: String
    let workspace: WorkspaceID?
    let host: String
}

extension WebhookQueue {
    static let goneReason = "The server answered 410 Gone."

    /// Writes down one attempt; nil when the delivery belongs to somebody else meanwhile, and then nothing is written.
    ///
    /// A hundred failures in a row pause the endpoint, a 410 disables it; `stopped` is called in the transaction that does so.
    @discardableResult
    func finish(
        _ order: WebhookOrder, _ attempt: WebhookAttempt, spread: Double, now: Date,
        stopped: (WebhookStop, Transaction) async throws -> Void
    ) async throws -> WebhookSchedule.Next? {
        let next = WebhookSchedule.next(after: attempt, tries: order.tries, at: now, spread: spread)
        return try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                select state, failures, workspace_id, url from webhook_endpoints where tenant_id = \(order.tenant) and id = \(order.endpoint)
                for no key update
                """)
            guard let endpoint = rows.first, let number = try await Self.write(attempt, next, order, in: transaction) else { return nil }
            try await transaction.query(
                """
                insert into webhook_attempts (tenant_id, message_id, endpoint_id, number, at, duration_ms, status, error, answer)
                values (\(order.tenant), \(order.message), \(order.endpoint), \(number), \(attempt.at), \(attempt.durationMs), \(attempt.status),
                        \(attempt.error), \(attempt.answer))
                """)
            let failures = attempt.isSuccess ? 0 : try endpoint.decode("failures", as: Int.self) + 1
            let stop = try Self.stop(endpoint, after: attempt, failures: failures)
            try await transaction.query(
                """
                update webhook_endpoints e set failures = \(failures), state = coalesce(\(stop?.state.rawValue), e.state),
                    state_reason = coalesce(\(stop?.reason), e.state_reason),
                    state_since = case when \(stop != nil) then \(now)::timestamptz else e.state_since end,
                    due_at = least(e.due_at, coalesce((select greatest(min(w.next_at), \(now)::timestamptz) from webhook_deliveries w
                        where w.tenant_id = e.tenant_id and w.endpoint_id = e.id and w.state = 'waiting'), 'infinity'))
                where e.tenant_id = \(order.tenant) and e.id = \(order.endpoint)
                """)
            if let stop { try await stopped(stop, transaction) }
            return next
        }
    }

    /// The number of the attempt; nil when the claim was lost.
    private static func write(
        _ attempt: WebhookAttempt, _ next: WebhookSchedule.Next, _ order: WebhookOrder, in transaction: Transaction
    ) async throws -> Int? {
        let (state, nextAt): (String, Date?) =
            switch next {
            case .delivered: ("delivered", nil)
            case .failed: ("failed", nil)
            case .retry(let instant): ("waiting", instant)
            }
        return try await transaction.query(
            """
            update webhook_deliveries set state = \(state), next_at = coalesce(\(nextAt), next_at), tries = tries + \(attempt.isSuccess ? 0 : 1),
                attempts = attempts + 1, claim = null, lease_until = null, last_at = \(attempt.at), last_status = \(attempt.status),
                last_error = \(attempt.error)
            where tenant_id = \(order.tenant) and message_id = \(order.message) and endpoint_id = \(order.endpoint)
              and state = 'running' and claim = \(order.claim)
            returning attempts
            """
        ).first?.decode("attempts")
    }

    /// Only one that is active stops.
    private static func stop(_ endpoint: Row, after attempt: WebhookAttempt, failures: Int) throws -> WebhookStop? {
        guard try endpoint.decode("state") == WebhookEndpoint.State.active.rawValue else { return nil }
        let url: String = try endpoint.decode("url")
        let (workspace, host) = (try endpoint.decodeOptional("workspace_id", as: WorkspaceID.self), URL(string: url)?.host() ?? "")
        if attempt.isGone { return WebhookStop(state: .disabled, reason: goneReason, workspace: workspace, host: host) }
        guard failures >= WebhookSchedule.failuresUntilPause else { return nil }
        return WebhookStop(state: .paused, reason: "\(failures) attempts failed in a row.", workspace: workspace, host: host)
    }
}
