import Contracts
import Foundation

/// Which mailbox takes the next new lead: pure turns over those that have room.
struct MailboxRotation: Sendable {
    private let kind: CampaignSchedule.Rotation
    /// Counts turns for ever, so that the next batch goes on where this one stopped.
    private(set) var cursor: Int64
    /// Credits of the weighted turns (the smooth weighted round robin of nginx).
    private var credits: [MailboxID: Int] = [:]

    init(_ kind: CampaignSchedule.Rotation, cursor: Int64) {
        self.kind = kind
        self.cursor = cursor
    }

    /// Nil when none has room. `rooms` are in the order in which the campaign names them.
    mutating func next(among rooms: [MailboxRoom], at now: Date) -> MailboxID? {
        switch kind {
        case .roundRobin: nextInTurn(rooms, now)
        case .weighted: nextByWeight(rooms, now)
        }
    }

    private mutating func nextInTurn(_ rooms: [MailboxRoom], _ now: Date) -> MailboxID? {
        guard !rooms.isEmpty else { return nil }
        let start = Int(cursor % Int64(rooms.count))
        for offset in rooms.indices {
            let room = rooms[(start + offset) % rooms.count]
            guard room.left(at: now) > 0 else { continue }
            cursor += Int64(offset + 1)
            return room.budget.id
        }
        return nil
    }

    private mutating func nextByWeight(_ rooms: [MailboxRoom], _ now: Date) -> MailboxID? {
        var best: (id: MailboxID, credit: Int)?
        var total = 0
        for room in rooms where room.left(at: now) > 0 {
            let weight = max(1, min(100, room.budget.health)) * max(1, min(MailboxRoom.deepest, room.leftOfDay(at: now)))
            total += weight
            let credit = (credits[room.budget.id] ?? 0) + weight
            credits[room.budget.id] = credit
            if best.map({ credit > $0.credit }) ?? true { best = (room.budget.id, credit) }
        }
        guard let best else { return nil }
        credits[best.id] = best.credit - total
        cursor += 1
        return best.id
    }
}
