import Contracts
import Foundation
import Streams

/// What Delivery told of one company's mails in a batch of events, in the order in which it is applied.
struct EnrolmentEvents: Sendable {
    struct Word: Sendable {
        let enrolment: EnrolmentID
        let step: Int
        let state: DeliveryEvents.SendState
        let version: Int64
        let at: Date
    }

    struct Feeling: Sendable {
        let enrolment: EnrolmentID
        /// Nil when no mail is named: somebody left by a link that any mail may have had.
        let step: Int?
        let kind: DeliveryEvents.FeedbackKind
        let isMachine: Bool
        let at: Date
    }

    private(set) var words: [Word] = []
    private(set) var feelings: [Feeling] = []
    /// Those who must not be written to any more, with why.
    private(set) var suppressed: [EnrolmentID: String] = [:]

    var enrolments: [EnrolmentID] {
        Set(words.map(\.enrolment) + feelings.map(\.enrolment) + suppressed.keys).sorted { $0.description < $1.description }
    }

    /// Sorts a batch by company. Throws for an event that belongs to nobody.
    static func read(_ events: [ReceivedEvent]) throws -> [TenantID: EnrolmentEvents] {
        var byTenant: [TenantID: EnrolmentEvents] = [:]
        for event in events {
            switch event.header.type {
            case DeliveryEvents.SendsResolved.name:
                try byTenant[tenant(of: event), default: EnrolmentEvents()].add(try event.data(as: DeliveryEvents.SendsResolved.self))
            case DeliveryEvents.FeedbackReceived.name:
                try byTenant[tenant(of: event), default: EnrolmentEvents()].add(try event.data(as: DeliveryEvents.FeedbackReceived.self))
            case DeliveryEvents.RecipientUnsubscribed.name:
                guard let enrolment = try event.data(as: DeliveryEvents.RecipientUnsubscribed.self).enrolment else { continue }
                try byTenant[tenant(of: event), default: EnrolmentEvents()].feelings.append(
                    Feeling(enrolment: enrolment, step: nil, kind: .unsubscribed, isMachine: false, at: event.header.occurredAt))
            case DeliveryEvents.RecipientsSuppressed.name:
                let data = try event.data(as: DeliveryEvents.RecipientsSuppressed.self)
                for enrolment in data.enrolments {
                    try byTenant[tenant(of: event), default: EnrolmentEvents()].suppressed[enrolment] = data.reason
                }
            default: continue
            }
        }
        return byTenant
    }

    private static func tenant(of event: ReceivedEvent) throws -> TenantID {
        guard let tenant = event.header.tenant else { throw EventRejected("the event names no tenant") }
        return tenant
    }

    private mutating func add(_ event: DeliveryEvents.SendsResolved) {
        for send in event.sends {
            guard let (enrolment, step) = Enrolment.parse(sendKey: send.sendKey) else { continue }
            words.append(Word(enrolment: enrolment, step: step, state: send.state, version: send.version, at: send.at))
        }
    }

    private mutating func add(_ event: DeliveryEvents.FeedbackReceived) {
        for feedback in event.feedback {
            guard let (enrolment, step) = Enrolment.parse(sendKey: feedback.sendKey) else { continue }
            feelings.append(Feeling(enrolment: enrolment, step: step, kind: feedback.kind, isMachine: feedback.isMachine, at: feedback.at))
        }
    }
}
