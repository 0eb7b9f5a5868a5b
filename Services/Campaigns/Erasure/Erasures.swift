import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Asking for the erasure of a lead, and looking at how far it has come.
struct Erasures: Sendable {
    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target]) -> AuditRecord

    let api: Database
    private let worker: Database
    private let keyring: Keyring
    private let outbox: Outbox
    private let clock: WallClock
    private let wakeup: Wakeup

    init(house: House, wakeup: Wakeup) {
        api = house.api
        worker = house.worker
        keyring = house.keyring
        outbox = house.outbox
        clock = house.clock
        self.wakeup = wakeup
    }

    /// The lead leaves every campaign at once, the rest follows; asked for again, it is the same erasure. Nil when there is no such lead.
    func request(_ lead: LeadID, reason: String?, ticket: String?, by identity: Identity, audit: Audit) async throws -> Erasure? {
        let (now, tenant) = (clock.now, identity.tenant)
        let id = ErasureID(.v7(at: now))
        let erasure = try await worker.transaction { transaction -> Erasure? in
            // The order in which everybody takes rows: enrolments before leads.
            try await EnrolmentStops.lock(lead: lead, of: tenant, in: transaction)
            let person = try await ErasureStore.lock(lead, of: tenant, in: transaction)
            if let known = try await ErasureStore.find(of: lead, tenant: tenant, in: transaction) { return known }
            guard let person else { return nil }
            let sealed = try keyring.seal(Data(person.address.utf8), for: Self.place(id, of: tenant))
            try await ErasureStore.insert(
                id, of: lead, tenant: tenant, address: person.address, addressSealed: sealed, isOptedOut: Self.isOptedOut(person.status),
                reason: reason, ticket: ticket, by: identity.user, at: now, in: transaction)
            try await ErasureStore.silence(lead, of: tenant, at: now, in: transaction)
            try await EnrolmentStops.stop(lead: lead, of: tenant, reason: "erased", at: now, in: transaction)
            let event = try PendingEvent(
                CampaignsEvents.LeadErasureRequested(lead: lead, erasure: id), at: now, tenant: tenant, actor: identity.actor,
                audit: audit("lead.erase", Self.targets(lead, id)))
            try await outbox.append([event], in: transaction)
            return try await ErasureStore.find(of: lead, tenant: tenant, in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        return erasure
    }

    /// Whether the person has asked not to be written to; an address that bounced has asked for nothing, and Delivery knows it by itself.
    static func isOptedOut(_ status: LeadStatus) -> Bool {
        switch status {
        case .unsubscribed, .complained, .suppressed: true
        case .active, .bounced: false
        }
    }

    /// Where an erasure's address is sealed.
    static func place(_ erasure: ErasureID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "erasures.address", row: erasure.description, tenant: tenant.uuid)
    }

    /// What is erased, as the trail names it: never by name.
    static func targets(_ lead: LeadID, _ erasure: ErasureID) -> [AuditRecord.Target] {
        [.init(type: "lead", id: lead.description), .init(type: "erasure", id: erasure.description)]
    }
}
