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
    var tracer = Tracer.silent

    /// Takes a batch as far as it goes; throws what may go away by itself, and then the batch is taken up again.
    func handOver(_ identifier: UUID) async throws {
        guard let taken = try await store.take(identifier) else { return }
        // A step of the trace in which somebody launched the campaign.
        try await tracer.span("campaign.hand_over", .producer, continuing: taken.trace) { span in
            span["penguin.campaign"] = .text(taken.campaign.description)
            span["penguin.hand_over"] = .text(taken.id.text)
            try await handOver(taken, span)
        }
    }

    private func handOver(_ batch: HandOver, _ span: ActiveSpan) async throws {
        var taken = batch
        let members = try await checkedMembers(of: taken)
        span["penguin.mails"] = .number(Int64(members.count))
        if !members.isEmpty {
            guard let reservation = try await reserve(Int64(members.count), for: taken) else { return }
            let isCovered = Self.covers(reservation, Int64(members.count))
            let sends = try await isCovered ? render(members, taken, reservation.id) : nil
            // Whatever time the questions took: from here on the batch is ours for longer than the next one may take.
            guard let renewed = try await store.renew(taken) else { return }
            taken = renewed
            guard let sends, try await enqueue(sends, of: taken) else {
                return try await takeBack(members, taken, reservation, because: isCovered ? .mailboxesUnavailable : nil)
            }
        }
        try await store.finish(taken, completion: Completion(outbox: outbox, clock: clock))
        outbox.wake()
    }

    /// Takes the mails out of the quota; nil when there is none, and then the batch is given up. Of a quota that has some left and not enough
    /// the campaign tries as many next.
    private func reserve(_ count: Int64, for handOver: HandOver) async throws -> BillingRPC.Reservation? {
        do throws(RPCError) {
            return try await billing.call(
                BillingRPC.ReserveMail(tenant: handOver.tenant, key: "hand_over:\(handOver.id.text)", count: count))
        } catch {
            guard !error.isTransient else { throw error }
            logger.notice("hand-over waits", metadata: ["campaign": "\(handOver.campaign)", "reason": "\(error.kind)"])
            var left: Int64 = 0
            if error.kind == "quota_exceeded" {
                let limits = try await billing.call(BillingRPC.ReadEntitlements(tenant: handOver.tenant))
                left = min(count - 1, limits.mailsPerPeriod - limits.mailsUsed - limits.mailsReserved)
            }
            try await store.abandon(
                handOver, reason: error.kind, until: clock.now.addingTimeInterval(left > 0 ? 0 : 60), batchLimit: left > 0 ? left : nil)
            return nil
        }
    }

    /// Whether there is quota for all of them under it. The same key has the same reservation for ever, also when Billing has given back what nobody
    /// handed over for a day: mails under that one would be nobody's.
    private static func covers(_ reservation: BillingRPC.Reservation, _ count: Int64) -> Bool {
        reservation.released == 0 || reservation.count - reservation.used - reservation.released >= count
    }

    /// False when a mailbox has gone since the mails were decided.
    private func enqueue(_ sends: [DeliveryRPC.PlannedSend], of handOver: HandOver) async throws -> Bool {
        guard !sends.isEmpty else { return true }
        do throws(RPCError) {
            _ = try await delivery.call(DeliveryRPC.EnqueueSends(tenant: handOver.tenant, sends: sends))
            return true
        } catch {
            guard error.kind == "mailbox_not_found" else { throw error }
            return false
        }
    }

    /// An earlier try may have reached Delivery without our hearing of it: what it has is taken back before the batch is given up, and what
    /// it has begun stays with it. The others are decided anew, in another batch: at once, where there is no reason to wait.
    private func takeBack(
        _ members: [HandOver.Member], _ handOver: HandOver, _ reservation: BillingRPC.Reservation, because reason: WaitReason?
    ) async throws {
        let answer = try await delivery.call(
            DeliveryRPC.WithdrawSends(tenant: handOver.tenant, sendKeys: members.map(\.sendKey), mode: .recall))
        let begun = Set(answer.tooLate)
        let kept = Set(members.filter { begun.contains($0.sendKey) }.map(\.enrolment))
        try await store.abandon(
            handOver, except: kept, reason: reason?.rawValue, until: clock.now.addingTimeInterval(reason == nil ? 0 : 60))
        if kept.isEmpty {
            // What Delivery recalled it gives back by itself; of what it never had nobody else knows.
            let released = Int64(answer.unknown.count)
            guard released > reservation.released else { return }
            _ = try await billing.call(
                BillingRPC.ReleaseMail(tenant: handOver.tenant, reservation: reservation.id, released: released))
        } else {
            try await store.finish(handOver, completion: Completion(outbox: outbox, clock: clock))
        }
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
        let wanted = Set(members.map(\.mailbox))
        let read = try await delivery.call(DeliveryRPC.ReadMailboxes(tenant: handOver.tenant, mailboxes: Array(wanted)))
        guard read.count == wanted.count else { return nil }
        let mailboxes = Dictionary(read.map { ($0.id, $0) }) { first, _ in first }
        let renderer = MailRenderer(handOver: handOver, templates: known, mailboxes: mailboxes, now: clock.now)
        return members.compactMap { renderer.mail(to: $0, reservation: reservation) }
    }
}
