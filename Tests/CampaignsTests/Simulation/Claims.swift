import Contracts
import Foundation

@testable import Campaigns

// How Delivery sends: each claim asks everything again in its own step, and each attempt ends in one of the ways that servers have.
extension Simulation {
    struct WindowModel {
        let hours: OpeningHours
        let wall: WallHours
        // Closed in between, as was found before.
        var closedFrom = Date.distantFuture
        var closedUntil = Date.distantPast
    }

    func windowNumber(_ window: SendingWindow) -> Int {
        if let known = windowIndex[window] { return known }
        windows.append(WindowModel(hours: (try? OpeningHours(window)) ?? .never, wall: WallHours(window)))
        windowIndex[window] = windows.count - 1
        return windows.count - 1
    }

    private func opening(_ window: Int?, from instant: Date) -> Date? {
        guard let window, breakage != .ignoresWindow else { return instant }
        let known = windows[window]
        if known.closedFrom <= instant && instant < known.closedUntil { return known.closedUntil }
        if known.hours.contains(instant) { return instant }
        guard let next = known.hours.next(from: instant) else { return nil }
        windows[window].closedFrom = instant
        windows[window].closedUntil = next
        return next
    }

    // MARK: - Pace

    /// From when on the mailbox may claim; nil while the end of its mail is awaited.
    private func paceOpens(_ index: Int) -> Date? {
        if breakage == .ignoresPace { return now }
        let mailbox = mailboxes[index]
        if mailbox.gap > 0 && mailbox.inFlight > 0 { return nil }
        var opens = max(now, mailbox.opensAt)
        if let limit = mailbox.hourlyLimit { opens = max(opens, Self.free(mailbox.claims, limit, 3_600)) }
        if let limit = mailbox.dailyLimit(at: now) {
            var free = Self.free(mailbox.claims, limit, 86_400)
            let day = mailbox.rampDay(at: now)
            // The next day of a ramp may allow more.
            if day < mailbox.ramp.count { free = min(free, mailbox.rampStart + Double(day + 1) * 86_400) }
            opens = max(opens, free)
        }
        return opens
    }

    /// When fewer than `limit` of the claims are younger than `window`.
    private static func free(_ claims: [Date], _ limit: Int, _ window: TimeInterval) -> Date {
        claims.count < limit ? .distantPast : claims[claims.count - limit] + window
    }

    // MARK: - Claims

    func scheduleClaims() {
        for index in mailboxes.indices where !mailboxes[index].queue.isEmpty { scheduleClaim(index) }
    }

    /// Looks for the next instant at which the mailbox may claim something.
    func scheduleClaim(_ index: Int) {
        mailboxes[index].token += 1
        guard outageEnd == nil, mailboxes[index].state == "active", let opens = paceOpens(index) else { return }
        var earliest: Date?
        for mail in mailboxes[index].queue where isGateOpen(mail) {
            let start = max(opens, mails[mail].runAt)
            if let earliest, start >= earliest { continue }
            guard let instant = opening(mails[mail].window, from: start) else { continue }
            earliest = min(earliest ?? instant, instant)
        }
        if let earliest { timeline.add(.mailbox(index, token: mailboxes[index].token), at: earliest) }
    }

    func claim(from index: Int) {
        guard outageEnd == nil, mailboxes[index].state == "active", let opens = paceOpens(index) else { return }
        var first: Int?
        if opens <= now {
            for mail in mailboxes[index].queue where mails[mail].runAt <= now && isGateOpen(mail) {
                if let first, mails[first].runAt <= mails[mail].runAt { continue }
                if opening(mails[mail].window, from: now) == now { first = mail }
            }
        }
        if let first {
            leaveQueue(first)
            if suppressedPeople.contains(mails[first].person) {
                mails[first].state = .suppressed
                tell(first, .suppressed)
                count("suppressed")
            } else {
                claim(first)
            }
        }
        scheduleClaim(index)
    }

    private func claim(_ mail: Int) {
        let index = mails[mail].mailbox
        mailboxes[index].claims.removeAll { $0 <= now - 86_400 }
        mailboxes[index].claims.append(now)
        mailboxes[index].inFlight += 1
        mails[mail].state = .claimed
        mails[mail].version += 1
        mails[mail].attempts += 1
        mails[mail].claimedAt = now
        trace("mailbox \(index) claims the mail of enrolment \(mails[mail].enrolment), step \(mails[mail].step)")
        checkClaim(mail)
        timeline.add(.outcome(mail: mail), at: now + dice.seconds(1...40))
    }

    // MARK: - Ends

    func endAttempt(_ mail: Int) {
        if let outageEnd {
            timeline.add(.outcome(mail: mail), at: outageEnd + dice.seconds(1...60))
            return
        }
        let index = mails[mail].mailbox
        mailboxes[index].inFlight -= 1
        if mailboxes[index].gap > 0 { mailboxes[index].opensAt = now + Double(mailboxes[index].gap) }
        switch dice.below(100) {
        case 0..<4:
            mails[mail].state = .refused
            tell(mail, .refused)
        case 4..<18 where mails[mail].attempts < 6:
            mails[mail].state = .deferred
            mails[mail].runAt = now + [300.0, 900, 1_800, 3_600, 7_200][mails[mail].attempts - 1]
            mailboxes[index].queue.append(mail)
            tell(mail, .deferred)
            count("deferred")
        case 18..<23:
            mails[mail].state = .ambiguous
            checkSent(mail)
            tell(mail, .ambiguous)
            count("ambiguous")
            if dice.chance(0.7) { timeline.add(.settle(mail: mail), at: now + Double(dice.between(600...250_000))) }
        default: accept(mail)
        }
        scheduleClaim(index)
    }

    /// Somebody finds out what became of a mail: it went out, or it did not.
    func settle(_ mail: Int) {
        guard mails[mail].state == .ambiguous else { return }
        if dice.chance(0.6) {
            accept(mail)
        } else {
            mails[mail].state = .refused
            checkNotSent(mail)
            tell(mail, .refused)
        }
        count("settled")
    }

    private func accept(_ mail: Int) {
        if mails[mail].state != .ambiguous { checkSent(mail) }
        mails[mail].state = .accepted
        tell(mail, .accepted)
        count("accepted")
        react(to: mail)
    }

    // MARK: - What people do

    private func react(to mail: Int) {
        func later(_ chance: Double, _ kind: DeliveryEvents.FeedbackKind, _ seconds: ClosedRange<Int>, isMachine: Bool = false) {
            guard dice.chance(chance) else { return }
            timeline.add(.feedback(mail: mail, kind, isMachine: isMachine), at: now + Double(dice.between(seconds)))
        }
        later(0.2, .opened, 5...60, isMachine: true)
        later(0.4, .opened, 60...200_000)
        later(0.2, .clicked, 90...200_000)
        later(0.12, .replied, 300...400_000)
        later(0.05, .automaticReply, 5...600)
        later(0.03, .unsubscribed, 60...400_000)
        later(0.01, .complained, 60...400_000)
        later(0.02, .hardBounce, 60...20_000)
        later(0.02, .softBounce, 60...20_000)
    }

    /// Whatever forbids more mail closes the way in the same step.
    func receive(_ kind: DeliveryEvents.FeedbackKind, about mail: Int, isMachine: Bool) {
        if let outageEnd {
            timeline.add(.feedback(mail: mail, kind, isMachine: isMachine), at: outageEnd + dice.seconds(1...600))
            return
        }
        let row = mails[mail]
        switch kind {
        case .replied where campaigns[row.campaign].stopsOnReply:
            closedEnrolments.insert(row.enrolment)
            proof.stoppedEnrolments.insert(row.enrolment)
        case .unsubscribed, .complained, .hardBounce:
            closedEnrolments.insert(row.enrolment)
            suppressedPeople.insert(row.person)
            proof.stoppedPeople.insert(row.person)
        default: break
        }
        trace("enrolment \(row.enrolment), step \(row.step): \(kind)\(isMachine ? " by a machine" : "")")
        count(kind.rawValue)
        emit(.feedback(kind, enrolment: row.enrolment, step: row.step, isMachine: isMachine, at: now))
    }
}

/// A window read in the plainest way, to hold the other readings against: what does the clock on the wall show now?
struct WallHours {
    private let zone: TimeZone?
    private let openings: [SendingWindow.Opening]
    private let holidays: Set<Int>

    init(_ window: SendingWindow) {
        zone = TimeZone(identifier: window.zone)
        openings = window.openings
        holidays = Set(window.holidays.compactMap { CivilDay.number(of: $0) })
    }

    func contains(_ instant: Date) -> Bool {
        guard let zone else { return false }
        let local = Int(instant.timeIntervalSince1970.rounded(.down)) + zone.secondsFromGMT(for: instant)
        let (day, minute) = (local / 86_400, local % 86_400 / 60)
        // 1970-01-01 was a Thursday.
        let weekday = (day + 3) % 7 + 1
        return !holidays.contains(day) && openings.contains { $0.weekday == weekday && $0.start <= minute && minute < $0.end }
    }
}
