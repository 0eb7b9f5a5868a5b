import Contracts
import Foundation

/// Makes the mails of a batch: the same enrolment and step always give the same text, as long as the lead is the same.
struct MailRenderer: Sendable {
    let handOver: HandOver
    let templates: [HandOver.Content: MailTemplate]
    let mailboxes: [MailboxID: DeliveryRPC.Mailbox]
    let now: Date

    /// Nil when the template's version is gone, which deleting a template does not do.
    func mail(to member: HandOver.Member, reservation: ReservationID) -> DeliveryRPC.PlannedSend? {
        guard let template = templates[member.content] else { return nil }
        let sender = mailboxes[member.mailbox]
        let values = MergeValues(
            lead: member.lead, senderName: sender?.displayName, senderAddress: sender?.address, campaignName: handOver.campaignName,
            postalAddress: handOver.postalAddress)
        let mail = template.render(values, choosing: member.sendKey)
        let isFollowUp = !member.before.isEmpty && !(handOver.sequence.step(member.step)?.email?.startsThread ?? false)
        return DeliveryRPC.PlannedSend(
            sendKey: member.sendKey, workspace: handOver.workspace, campaign: handOver.campaign, enrolment: member.enrolment,
            mailbox: member.mailbox, recipient: member.lead.email,
            recipientName: Self.oneLine([member.lead.firstName, member.lead.lastName].compactMap { $0 }.joined(separator: " ")),
            subject: isFollowUp ? answered(member, values) ?? mail.subject : mail.subject, text: mail.text, html: mail.html, priority: 100,
            // Of two processes' clocks the later one counts: what was decided for tomorrow's cap does not go today.
            dueAt: max(now, member.plannedAt), reservation: reservation, window: handOver.schedule.window(for: member.zone),
            follows: isFollowUp ? member.before.map { Enrolment.sendKey(member.enrolment, step: $0.step) } : nil,
            tracksOpens: handOver.tracksOpens, tracksClicks: handOver.tracksClicks, stopsOnReply: handOver.stopsOnReply)
    }

    /// The subject of the thread's first mail, as an answer has it.
    private func answered(_ member: HandOver.Member, _ values: MergeValues) -> String? {
        let thread = member.before.last { handOver.sequence.step($0.step)?.email?.startsThread ?? false } ?? member.before.first
        guard let thread, let template = templates[thread.content] else { return nil }
        return "Re: " + template.render(values, choosing: Enrolment.sendKey(member.enrolment, step: thread.step)).subject
    }

    /// A display name is one line of at most 100 characters; nil when nothing is left.
    private static func oneLine(_ name: String) -> String? {
        let words = name.split { $0.isWhitespace || $0.isNewline || $0.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control } }
        let line = String(words.joined(separator: " ").prefix(100))
        return line.isEmpty ? nil : line
    }
}
