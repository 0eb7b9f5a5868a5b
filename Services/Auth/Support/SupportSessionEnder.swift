import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Notes in the company's trail that support's look into it is over where nobody has ended it: its time is, or whoever began it may no more.
///
/// Access does not wait for this: whoever asks is refused from that moment on.
struct SupportSessionEnder: Service {
    private static let batch = 100

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let logger: Logger
    /// How often it looks for something to do.
    var interval = Duration.seconds(5)

    init(house: House) {
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        logger = house.logger
    }

    func run() async throws {
        await repeatWork(
            "ending support sessions", logger: logger, rest: { try? await Task.sleep(for: interval) }, step: { try await endOverdue() == Self.batch })
    }

    /// How many were ended; each replica takes others.
    @discardableResult
    func endOverdue() async throws -> Int {
        let now = clock.now
        let ended = try await database.transaction { transaction in
            let sessions = try await SupportSessionStore.endOverdue(at: now, limit: Self.batch, in: transaction)
            try await outbox.append(try sessions.map { try Self.event(of: $0, at: now) }, in: transaction)
            return sessions.count
        }
        if ended > 0 { outbox.wake() }
        return ended
    }

    private static func event(of session: SupportSession, at now: Date) throws -> PendingEvent {
        var metadata = session.metadata
        metadata["expires_at"] = WireJSON.format(session.expiresAt)
        if session.state == .expired {
            return try PendingEvent(
                AuthEvents.SupportSessionExpired(supportSession: session.id.uuid), at: now, tenant: session.tenant, actor: .system("auth"),
                audit: AuditRecord(action: "support_session.expire", targets: [session.target], metadata: metadata))
        }
        metadata["reason"] = session.endedBecause?.rawValue
        return try PendingEvent(
            AuthEvents.SupportSessionEnded(supportSession: session.id.uuid), at: now, tenant: session.tenant, actor: .system("auth"),
            audit: AuditRecord(action: "support_session.end", targets: [session.target], metadata: metadata))
    }
}
