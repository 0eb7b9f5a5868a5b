import Contracts
import Foundation
import Logging
import Primitives
import RPC
import Streams

/// Takes batches to Delivery.
///
/// A batch is named before anything is asked, quota is reserved under its name and mails are enqueued under their keys: whatever dies in
/// between, the same steps are taken again and have their effect once.
struct HandOverRunner: Sendable {
    let store: HandOverStore
    let templates: TemplateVersions
    let billing: RPCClient
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock
    let logger: Logger

    /// Takes a batch as far as it goes; throws what may go away by itself, and then the batch is taken up again.
    func handOver(_ identifier: UUID) async throws {
        guard let taken = try await store.take(identifier) else { return }
        let members = try await checkedMembers(of: taken)
        if !members.isEmpty {
            let reservation: BillingRPC.Reservation
            do throws(RPCError) {
                reservation = try await billing.call(
                    BillingRPC.ReserveMail(
                        tenant: taken.tenant, key: "hand_over:\(identifier.text)", count: Int64(members.count)))
            } catch {
                guard !error.isTransient else { throw error }
                logger.notice("hand-over waits", metadata: ["campaign": "\(taken.campaign)", "reason": "\(error.kind)"])
                try await store.abandon(taken, reason: error.kind, until: clock.now.addingTimeInterval(60))
                return
            }
            // Whatever time the questions took: from here on the batch is ours for longer than the next one may take.
            guard let renewed = try await store.renew(taken) else { return }
            guard try await enqueue(members, renewed, reservation.id) else { return try await takeBack(members, renewed) }
        }
        try await store.finish(taken, completion: Completion(outbox: outbox, clock: clock))
        outbox.wake()
    }

    /// False when a mailbox has gone since the mails were decided.
    private func enqueue(_ members: [HandOver.Member], _ handOver: HandOver, _ reservation: ReservationID) async throws -> Bool {
        do {
            guard let sends = try await render(members, handOver, reservation) else { return false }
            if !sends.isEmpty { _ = try await delivery.call(DeliveryRPC.EnqueueSends(tenant: handOver.tenant, sends: sends)) }
            return true
        } catch let error as RPCError {
            guard error.kind == "mailbox_not_found" else { throw error }
            return false
        }
    }

    /// An earlier try may have reached Delivery without our hearing of it: what it has is taken back before the batch is given up, and what
    /// it has begun stays with it.
    private func takeBack(_ members: [HandOver.Member], _ handOver: HandOver) async throws {
        let answer = try await delivery.call(
            DeliveryRPC.WithdrawSends(tenant: handOver.tenant, sendKeys: members.map(\.sendKey), mode: .recall))
        guard answer.tooLate.isEmpty else {
            try await store.finish(handOver, completion: Completion(outbox: outbox, clock: clock))
            return
        }
        try await store.abandon(handOver, reason: WaitReason.mailboxesUnavailable.rawValue, until: clock.now.addingTimeInterval(60))
    }

    /// Asks once who must not be written to; later tries find the batch as it was then, and Delivery asks again when it sends.
    private func checkedMembers(of handOver: HandOver) async throws -> [HandOver.Member] {
        let members = try await store.members(of: handOver)
        guard !handOver.isChecked else { return members }
        let known = try await templates.read(Set(members.map(\.content)), of: handOver.tenant)
        var out: [EnrolmentID: EnrolmentStatus] = [:]
        if !members.isEmpty {
            let suppressed = Set(
                try await delivery.call(
                    DeliveryRPC.FindSuppressed(
                        tenant: handOver.tenant, workspace: handOver.workspace, addresses: members.map(\.lead.email))))
            for member in members {
                if suppressed.contains(member.lead.email) {
                    out[member.enrolment] = .suppressed
                } else if known[member.content] == nil {
                    out[member.enrolment] = .failed
                }
            }
        }
        try await store.check(handOver, out: out, at: clock.now)
        return members.filter { out[$0.enrolment] == nil }
    }

    /// Nil when a mailbox has gone since the mails were decided.
    private func render(
        _ members: [HandOver.Member], _ handOver: HandOver, _ reservation: ReservationID
    ) async throws -> [DeliveryRPC.PlannedSend]? {
        let contents = Set(members.flatMap { [$0.content] + $0.before.map(\.content) })
        let known = try await templates.read(contents, of: handOver.tenant)
        var mailboxes: [MailboxID: DeliveryRPC.Mailbox] = [:]
        for mailbox in Set(members.map(\.mailbox)) {
            do throws(RPCError) {
                mailboxes[mailbox] = try await delivery.call(DeliveryRPC.ReadMailbox(tenant: handOver.tenant, mailbox: mailbox))
            } catch {
                guard error.kind == "mailbox_not_found" else { throw error }
                return nil
            }
        }
        let renderer = MailRenderer(handOver: handOver, templates: known, mailboxes: mailboxes, now: clock.now)
        return members.compactMap { renderer.mail(to: $0, reservation: reservation) }
    }
}
