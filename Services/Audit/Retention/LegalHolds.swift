import Contracts
import Foundation
import HTTP
import Postgres
import Primitives

/// Placing and releasing legal holds; each is an entry of the trail that it is about.
struct LegalHolds: Sendable {
    /// Of one company at once.
    static let mostActive = 50

    let api: Database
    let worker: Database
    let acts: OwnActs
    let clock: WallClock

    /// Problem `too_many_holds`.
    func place(_ reason: String, from: Date?, to: Date?, by identity: Identity, audit: AuditRecord) async throws -> LegalHold {
        let now = clock.now
        let hold = LegalHold(
            id: LegalHoldID(.v7(at: now)), reason: reason, from: from, to: to, placedBy: Self.name(of: identity), placedAt: now, releasedBy: nil,
            releasedAt: nil)
        var audit = audit
        audit.targets = [.init(type: "legal_hold", id: hold.id.description)]
        let record = audit
        try await worker.transaction { transaction in
            try await LegalHoldStore.lockAll(of: identity.tenant, in: transaction)
            guard try await LegalHoldStore.countActive(of: identity.tenant, in: transaction) < Self.mostActive else {
                throw Problem.unprocessable(kind: "too_many_holds", title: "\(Self.mostActive) holds are active.", detail: "Release one first.")
            }
            try await LegalHoldStore.insert(hold, of: identity.tenant, in: transaction)
            try await acts.record(record, of: identity.tenant, by: identity.actor, in: transaction)
        }
        return hold
    }

    /// Problem `not_found` when there is none that is active.
    func release(_ hold: LegalHoldID, by identity: Identity, audit: AuditRecord) async throws {
        try await worker.transaction { transaction in
            guard try await LegalHoldStore.release(hold, of: identity.tenant, by: Self.name(of: identity), in: transaction) else {
                throw Problem.notFound("active hold")
            }
            try await acts.record(audit, of: identity.tenant, by: identity.actor, in: transaction)
        }
    }

    private static func name(of identity: Identity) -> String {
        "\(identity.actor.kind.rawValue):\(identity.actor.id)"
    }
}
