import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import Streams

/// Enrols launched campaigns and hands their mails over to Delivery, batch by batch.
///
/// A batch is named before anything is asked, quota is reserved under its name and mails are enqueued under their keys: whatever dies in
/// between, the same steps are taken again and have their effect once.
struct HandOverLoop: Service {
    let store: HandOverStore
    let enroller: Enroller
    let billing: RPCClient
    let delivery: RPCClient
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "hand-over", logger: logger)
            while !Task.isCancelled {
                do {
                    let worked = try await step()
                    outage.ended()
                    if !worked { await wakeup.wait(atMost: .milliseconds(300)) }
                } catch {
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
        }
    }

    /// One piece of work of any kind; false when there is none.
    func step() async throws -> Bool {
        if let unfinished = try await store.resume(now: clock.now) {
            try await handOver(unfinished)
            return true
        }
        if try await enroller.enrolOnce() { return true }
        guard let fresh = try await store.begin(now: clock.now) else { return false }
        try await handOver(fresh)
        return true
    }

    /// Takes a batch as far as it goes; throws what may go away by itself, and then the batch is taken up again.
    func handOver(_ identifier: UUID) async throws {
        guard let handOver = try await store.find(identifier) else { return }
        let members = try await checkedMembers(of: handOver)
        if !members.isEmpty {
            let reservation: BillingRPC.Reservation
            do throws(RPCError) {
                reservation = try await billing.call(
                    BillingRPC.ReserveMail(
                        tenant: handOver.tenant, key: "hand_over:\(identifier.text)", count: Int64(members.count)))
            } catch {
                guard !error.isTransient else { throw error }
                logger.notice("hand-over waits", metadata: ["campaign": "\(handOver.campaign)", "reason": "\(error.kind)"])
                try await store.abandon(handOver, reason: error.kind, until: clock.now.addingTimeInterval(60))
                return
            }
            let sends = try await render(members, handOver, reservation.id)
            _ = try await delivery.call(DeliveryRPC.EnqueueSends(tenant: handOver.tenant, sends: sends))
        }
        try await store.finish(handOver, completion: Completion(outbox: outbox, clock: clock))
        outbox.wake()
    }

    /// Asks once who must not be written to; later tries find the batch as it was then, and Delivery asks again when it sends.
    private func checkedMembers(of handOver: HandOver) async throws -> [HandOver.Member] {
        let members = try await store.members(of: handOver)
        guard !handOver.isChecked, !members.isEmpty else { return members }
        let suppressed = Set(
            try await delivery.call(
                DeliveryRPC.FindSuppressed(tenant: handOver.tenant, workspace: handOver.workspace, addresses: members.map(\.lead.email))))
        let out = members.filter { suppressed.contains($0.lead.email) }.map(\.enrolment)
        try await store.check(handOver, suppressed: out)
        return members.filter { !suppressed.contains($0.lead.email) }
    }

    private func render(
        _ members: [HandOver.Member], _ handOver: HandOver, _ reservation: ReservationID
    ) async throws -> [DeliveryRPC.PlannedSend] {
        let template = try await store.template(of: handOver)
        return members.map { member in
            let mail = template.render(for: member.lead, postalAddress: handOver.postalAddress)
            let name = [member.lead.firstName, member.lead.lastName].compactMap { $0 }.joined(separator: " ")
            return DeliveryRPC.PlannedSend(
                sendKey: "campaign:\(member.enrolment):1", workspace: handOver.workspace, campaign: handOver.campaign, enrolment: member.enrolment,
                mailbox: handOver.mailbox, recipient: member.lead.email, recipientName: Self.oneLine(name), subject: mail.subject, text: mail.text,
                html: mail.html, priority: 100, dueAt: member.dueAt, reservation: reservation)
        }
    }

    /// A display name is one line of at most 100 characters; nil when nothing is left.
    private static func oneLine(_ name: String) -> String? {
        let words = name.split { $0.isWhitespace || $0.isNewline || $0.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control } }
        let line = String(words.joined(separator: " ").prefix(100))
        return line.isEmpty ? nil : line
    }
}
