import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import RPC
import Streams

/// Taking one lead out of a campaign by hand.
struct EnrolmentStopping: Sendable {
    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target]) -> AuditRecord

    let database: Database
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock
    let wakeup: Wakeup

    /// Nothing that Delivery has not claimed goes out once this is answered; a second stop, or one of what has ended, changes nothing. A 404
    /// problem when the campaign has no such enrolment.
    func stop(
        _ enrolment: EnrolmentID, in campaign: Campaign, reason: String?, by identity: Identity, audit: Audit
    ) async throws -> EnrolmentView {
        let tenant = identity.tenant
        let known = try await EnrolmentViewStore.find(enrolment, in: campaign.id, of: tenant, database: database)
        guard let known else { throw Problem.notFound("enrolment") }
        guard !known.status.isFinal else { return known }
        // The gate first: should the rest fail, too little is sent and never too much, and whoever asks again finds it closed.
        _ = try await delivery.call(
            DeliveryRPC.SetSendGate(
                tenant: tenant, scope: "enrolment", id: enrolment.description, isOpen: false, reason: "stopped by hand", version: 1))
        let now = clock.now
        var detail = ["by": "\(identity.actor.kind.rawValue):\(identity.actor.id)"]
        if let reason { detail["reason"] = reason }
        let note = RoundPlan.Note(enrolment: enrolment, step: known.step, kind: "stopped", detail: detail)
        let event = try PendingEvent(
            CampaignsEvents.EnrolmentStopped(campaign: campaign.id, enrolment: enrolment), at: now, tenant: tenant, workspace: campaign.workspace,
            actor: identity.actor,
            audit: audit(
                "enrolment.stop",
                [
                    .init(type: "enrolment", id: enrolment.description), .init(type: "campaign", id: campaign.id.description),
                    .init(type: "lead", id: known.lead.description),
                ]))
        try await database.transaction(as: tenant) { transaction in
            let ended = try await EnrolmentStops.stop([enrolment], of: tenant, reason: "stopped", at: now, in: transaction)
            // It ended by itself meanwhile.
            guard ended > 0 else { return }
            try await transaction.query(try EnrolmentStore.log([note], of: tenant, at: now))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        // Its mail at Delivery is cancelled by the loop.
        wakeup.signal()
        return try await EnrolmentViewStore.find(enrolment, in: campaign.id, of: tenant, database: database) ?? known
    }
}
