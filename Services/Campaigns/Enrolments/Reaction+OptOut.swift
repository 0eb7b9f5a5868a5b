import Contracts
import Foundation

/// Wishes of recipients, and what is left of them when they are taken back.
extension Reaction {
    /// The recipient left by the link in a mail, which can be taken back for a while.
    static func leave(by optOut: DeliveryEvents.OptOut, _ enrolment: Enrolment) -> Enrolment {
        var next = enrolment
        end(&next, as: optOut.isUnsubscription ? .unsubscribed : .suppressed, because: SuppressionWord.unsubscribed)
        guard next != enrolment else { return enrolment }
        // Of a second choice by the same link the first knows what was before both.
        let earlier = enrolment.optOut.flatMap { $0.send == optOut.send ? $0 : nil }
        next.optOut = earlier ?? Enrolment.OptOut(send: optOut.send, status: enrolment.status, exitReason: enrolment.exitReason)
        return next
    }

    /// The recipient took that back: the enrolment is what it was, as far as that is still so. Whatever else has ended it meanwhile, or would have,
    /// holds.
    ///
    /// A mail that was on its way is called off, or was never sent, and its key cannot be used again: the sequence goes on behind it.
    static func takeBack(by send: SendID, at instant: Date, of enrolment: Enrolment, mails: [SendRecord], rules: EnrolmentRules) -> Enrolment {
        guard let optOut = enrolment.optOut, optOut.send == send, enrolment.status.isFinal else { return enrolment }
        var next = enrolment
        next.optOut = nil
        next.exitReason = optOut.exitReason
        next.status = optOut.status
        if !optOut.status.isFinal {
            next.status = .waiting
            next.exitReason = nil
            let mail = mails.first { $0.send.step == enrolment.step }?.send
            if mail?.state == .refused {
                end(&next, as: .failed, because: "refused")
            } else if rules.isOver {
                end(&next, as: .finished, because: "campaign_over")
            } else if let mail {
                goOn(&next, after: enrolment.step, at: mail.sentAt ?? instant, rules: rules)
            }
        }
        if rules.stopsOnReply, mails.contains(where: { $0.repliedAt != nil }) { end(&next, as: .replied, because: "replied") }
        if mails.contains(where: { $0.bouncedAt != nil }) { end(&next, as: .bounced, because: "bounced") }
        return next
    }
}

extension DeliveryEvents.OptOut {
    /// A pause is for a while, and unsubscribes nobody.
    var isUnsubscription: Bool { choice != "pause" }
}

/// Reasons for which an enrolment ended, in Delivery's words.
enum SuppressionWord {
    static let unsubscribed = "unsubscribed"
}
