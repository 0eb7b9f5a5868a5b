import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import ServiceRuntime

/// Places for people under the plan's limit: an invitation takes one, and whoever takes it up keeps it until they leave.
struct Seats: Sendable {
    private let plan: PlanPlaces
    private let database: Database
    private let clock: WallClock

    init(house: House) {
        plan = PlanPlaces(house: house)
        database = house.worker
        clock = house.clock
    }

    /// Takes a place for an invitation, unless it has one; those that have run out give theirs first. Throws ``MembershipError/noSeats``.
    func take(for invitation: UUID, of tenant: TenantID) async throws {
        for runOut in try await InvitationStore.endRunOut(of: tenant, at: clock.now, in: database) { await give(back: runOut, of: tenant) }
        do {
            try await plan.reserve(.users, key: invitation.text, of: tenant)
        } catch let error as RPCError {
            guard error.kind == "limit_reached" else { throw error }
            throw MembershipError.noSeats
        }
    }

    /// Makes what needs a place: the place is kept with it, or given back.
    func holding(_ invitation: UUID, of tenant: TenantID, _ make: () async throws -> Void) async throws {
        try await take(for: invitation, of: tenant)
        try await plan.making(.users, key: invitation.text, of: tenant, make)
    }

    /// The person is there; for an invitation that had no place before.
    func keep(_ invitation: UUID, of tenant: TenantID) async {
        await plan.confirm(.users, key: invitation.text, of: tenant)
    }

    /// An invitation's, or that of somebody who came by it.
    func give(back place: UUID, of tenant: TenantID) async {
        await plan.release(.users, key: place.text, of: tenant)
    }
}
