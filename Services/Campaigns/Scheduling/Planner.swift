import Contracts
import Foundation

/// Enrolments that stand at a mail that is due, as the planner sees them: one, or in a forecast many alike.
struct DueGroup<Key: Sendable>: Sendable {
    let key: Key
    var count = 1
    /// The lead's own zone, where it is known.
    let zone: String?
    /// The mailbox of the thread; nil before the first mail.
    let mailbox: MailboxID?
}

/// What a campaign is allowed at an instant, and what is decided of its due enrolments: functions of values only.
struct Planner: Sendable {
    let schedule: CampaignSchedule
    let now: Date
    /// Mails that went out on the day of `now`, and those that still may.
    let sentToday: Int
    let outstanding: Int
    private(set) var rooms: [MailboxRoom]
    private(set) var rotation: MailboxRotation
    private(set) var planned = 0
    /// The window in the leads' zones, as far as they were met; nil is the campaign's own. It may be kept for the next planner.
    private(set) var hours: [String?: OpeningHours]

    init(
        schedule: CampaignSchedule, now: Date, sentToday: Int, outstanding: Int, rooms: [MailboxRoom], cursor: Int64,
        hours: [String?: OpeningHours] = [:]
    ) {
        self.schedule = schedule
        self.now = now
        self.sentToday = sentToday
        self.outstanding = outstanding
        self.rooms = rooms
        rotation = MailboxRotation(schedule.rotation, cursor: cursor)
        self.hours = hours
        let own = String?.none
        if let window = schedule.window, hours[own] == nil { self.hours[own] = OpeningHours(orNever: window) }
    }

    /// The longest time without a look at mailboxes and limits that somebody may have changed.
    static let patience: TimeInterval = 900

    enum Verdict: Sendable, Equatable {
        /// So many may be mailed now.
        case open(Int)
        case closed(until: Date, WaitReason)
    }

    /// Whether anybody of the campaign can be mailed now.
    var verdict: Verdict {
        if !schedule.usesLeadZone, let hours = hours[String?.none] {
            guard let opening = hours.next(from: now) else { return .closed(until: now + 86_400, .windowNeverOpens) }
            if opening > now { return .closed(until: opening, .outsideWindow) }
        }
        var left = rooms.reduce(0) { $0 + $1.left(at: now) }
        if left == 0 {
            guard let again = rooms.compactMap({ $0.roomAgain(after: now) }).min() else {
                return .closed(until: now + Self.patience, .mailboxesUnavailable)
            }
            return .closed(until: again, .mailboxesFull)
        }
        if let cap = capLeft {
            if cap <= 0 { return .closed(until: capAgain, .dailyCap) }
            left = min(left, cap)
        }
        return .open(left)
    }

    /// What the daily cap leaves. Mails that are out and not yet sent count as of today, since they may go today: so no day, whenever they go,
    /// has more than the cap.
    private var capLeft: Int? { schedule.dailyCap.map { $0 - sentToday - outstanding - planned } }

    private var capAgain: Date {
        let tomorrow = schedule.days.dayInterval(of: now).end
        return outstanding + planned > 0 ? min(tomorrow, now + Self.patience) : tomorrow
    }

    enum Decision: Sendable, Equatable {
        case mail(MailboxID)
        case wait(until: Date, WaitReason)
        /// Nobody more can be mailed in this round; the enrolment stays as it is.
        case leave
    }

    /// Decides about a group, in as many parts as mailboxes take of it; the counts sum to the group's.
    mutating func decide<Key>(_ group: DueGroup<Key>) -> [(count: Int, decision: Decision)] {
        guard let opening = opening(for: group.zone) else {
            return [(group.count, .wait(until: now + 86_400, .windowNeverOpens))]
        }
        if opening > now { return [(group.count, .wait(until: opening, .outsideWindow))] }
        var parts: [(count: Int, decision: Decision)] = []
        var left = group.count
        while left > 0 {
            if let cap = capLeft, cap <= 0 {
                parts.append((left, .leave))
                break
            }
            let part = takeOne(group, upTo: left)
            parts.append(part)
            left -= part.count
        }
        return parts
    }

    /// As ``CampaignSchedule/opening(from:leadZone:)`` from now on, each zone looked up once.
    private mutating func opening(for leadZone: String?) -> Date? {
        let zone = schedule.usesLeadZone ? leadZone : nil
        if let known = hours[zone] { return known.next(from: now) }
        guard let window = schedule.window(for: zone) else { return now }
        let found = OpeningHours(orNever: window)
        hours[zone] = found
        return found.next(from: now)
    }

    private mutating func takeOne<Key>(_ group: DueGroup<Key>, upTo left: Int) -> (count: Int, decision: Decision) {
        if let thread = group.mailbox, let index = rooms.firstIndex(where: { $0.budget.id == thread }) {
            let room = min(left, rooms[index].left(at: now), max(1, capLeft ?? left))
            guard room > 0 else {
                let again = rooms[index].roomAgain(after: now) ?? now + Self.patience
                return (left, .wait(until: again, .threadMailboxFull))
            }
            rooms[index].take(room)
            planned += room
            return (room, .mail(thread))
        }
        guard let chosen = rotation.next(among: rooms, at: now), let index = rooms.firstIndex(where: { $0.budget.id == chosen }) else {
            return (left, .leave)
        }
        rooms[index].take()
        planned += 1
        return (1, .mail(chosen))
    }
}

extension OpeningHours {
    /// A window with a fault is never open.
    fileprivate init(orNever window: SendingWindow) {
        self = (try? OpeningHours(window)) ?? .never
    }
}
