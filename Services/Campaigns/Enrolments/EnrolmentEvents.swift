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
        /// When it was said by a link, whose use can be taken back.
        var optOut: DeliveryEvents.OptOut?
        /// Of an absence: the day of the return, like `2026-12-07`.
        var returnsOn: String?
    }

    /// What people and lists say, in the order in which it was said: a wish and its end may come in one batch.
    enum Act: Sendable {
        case feel(Feeling)
        /// Nothing more goes to somebody, with why; by a list, or by the wish of a recipient for less than the whole company, or through another
        /// campaign's mail.
        case suppress(EnrolmentID, reason: String, optOut: DeliveryEvents.OptOut?, at: Date)
        case takeBack(EnrolmentID, send: SendID, isWhole: Bool, at: Date)

        var enrolment: EnrolmentID {
            switch self {
            case .feel(let feeling): feeling.enrolment
            case .suppress(let enrolment, _, _, _), .takeBack(let enrolment, _, _, _): enrolment
            }
        }
    }

    private(set) var words: [Word] = []
    private(set) var acts: [Act] = []

    var enrolments: [EnrolmentID] {
        Set(words.map(\.enrolment) + acts.map(\.enrolment)).sorted { $0.description < $1.description }
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
                let data = try event.data(as: DeliveryEvents.RecipientUnsubscribed.self)
                guard let enrolment = data.enrolment else { continue }
                let step = data.optOut.flatMap { Enrolment.parse(sendKey: $0.sendKey)?.step }
                try byTenant[tenant(of: event), default: EnrolmentEvents()].acts.append(
                    .feel(
                        Feeling(
                            enrolment: enrolment, step: step, kind: .unsubscribed, isMachine: false, at: event.header.occurredAt, optOut: data.optOut)
                    ))
            case DeliveryEvents.RecipientsSuppressed.name:
                let data = try event.data(as: DeliveryEvents.RecipientsSuppressed.self)
                try byTenant[tenant(of: event), default: EnrolmentEvents()].acts += data.enrolments.map {
                    .suppress($0, reason: data.reason, optOut: data.optOut, at: event.header.occurredAt)
                }
            case DeliveryEvents.RecipientResubscribed.name:
                let data = try event.data(as: DeliveryEvents.RecipientResubscribed.self)
                guard let send = data.send, let enrolments = data.enrolments else { continue }
                try byTenant[tenant(of: event), default: EnrolmentEvents()].acts += enrolments.map {
                    .takeBack($0, send: send, isWhole: data.isWhole ?? false, at: event.header.occurredAt)
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
            acts.append(
                .feel(
                    Feeling(
                        enrolment: enrolment, step: step, kind: feedback.kind, isMachine: feedback.isMachine, at: feedback.at,
                        returnsOn: feedback.returnsOn)))
        }
    }
}
