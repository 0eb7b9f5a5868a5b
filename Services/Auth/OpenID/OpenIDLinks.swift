import Contracts
import Foundation
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// A provider's identity that signs in as somebody.
struct OpenIDLink: Sendable, Encodable {
    let issuer: String
    let createdAt: Date
}

/// The providers that are linked to an account, and taking one off again.
struct OpenIDLinks: Sendable {
    enum Refusal: Error, Equatable {
        case notFound
        /// Without it the person could not sign in any more.
        case lastWayIn
    }

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock

    init(house: House) {
        database = house.worker
        outbox = house.outbox
        clock = house.clock
    }

    func list(of session: Session) async throws -> [OpenIDLink] {
        try await database.query(
            "select issuer, created_at from openid_identities where user_id = \(session.user) order by created_at, issuer limit 100"
        ).map { OpenIDLink(issuer: try $0.decode("issuer"), createdAt: try $0.decode("created_at")) }
    }

    /// Takes off every identity of the issuer that signs in as the person.
    func unlink(_ issuer: String, of session: Session, audit: Sessions.Audit) async throws {
        let now = clock.now
        let event = try PendingEvent(
            AuthEvents.OpenIDUnlinked(user: session.user, issuer: issuer), at: now, tenant: session.tenant,
            actor: .user(session.user, name: session.name),
            audit: audit("openid.unlink", .success, [.init(type: "user", id: session.user.description), .init(type: "openid", id: issuer)]))
        try await database.transaction { transaction in
            // Of two at once the second sees what the first took off.
            try await transaction.query("select id from users.users where id = \(session.user) for update")
            let removed = try await transaction.query("delete from openid_identities where user_id = \(session.user) and issuer = \(issuer)").affected
            guard removed > 0 else { throw Refusal.notFound }
            let ways = try await transaction.query(
                """
                select exists (select from openid_identities where user_id = \(session.user)) or exists (
                    select from credentials where user_id = \(session.user) and method = 'EMAIL_PASSWORD' and deleted is null) as any
                """)
            guard try ways[0].decode("any") else { throw Refusal.lastWayIn }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }
}
