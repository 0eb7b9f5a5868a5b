import Contracts
import Foundation

@testable import Campaigns

// What replicas write on the way of mails to Delivery and back, each function in one commit.
extension Simulation {
    /// How long one replica has something for itself, by the clock of the database: the replicas' own need not agree.
    static let lock: TimeInterval = 60

    // MARK: - To Delivery

    /// Names a batch, before anything is asked of others.
    func beginHandOver(_ campaign: Int, _ planned: [RoundPlan.Mail], clock: Date) -> Int? {
        guard !planned.isEmpty else { return nil }
        let handOver = handOvers.count
        var keys: [Int] = []
        for mail in planned {
            guard let place = enrolmentIndex[mail.enrolment] else { continue }
            let send = EnrolmentSend(enrolment: mail.enrolment, step: mail.step, variant: mail.variant.name, mailbox: mail.mailbox, state: .planned)
            addSend(place, SendRow(value: send, handOver: handOver, plannedAt: clock, edit: campaigns[campaign].edits))
            keys.append(Self.key(place, mail.step))
        }
        handOvers.append(HandOverRow(campaign: campaign, keys: keys, lockedUntil: now + Self.lock))
        openHandOvers.append(handOver)
        count("hand-over")
        return handOver
    }

    /// Those of its mails whose enrolments still wait for it.
    func members(of handOver: Int) -> [Int] {
        handOvers[handOver].keys.filter { key in
            let row = enrolments[Self.enrolment(of: key)]
            guard row.value.status == .handingOver, row.value.step == Self.step(of: key) else { return false }
            return planned(key, in: handOver) != nil
        }
    }

    /// The place of the row of `key`, when it is planned by `handOver`.
    private func planned(_ key: Int, in handOver: Int) -> Int? {
        let row = enrolments[Self.enrolment(of: key)]
        guard let send = row.index(ofStep: Self.step(of: key)) else { return nil }
        return row.sends[send].handOver == handOver && row.sends[send].value.state == .planned ? send : nil
    }

    /// Takes the suppressed out; from here on nobody is asked about again.
    func check(_ handOver: Int, suppressed: Set<Int>) {
        guard openHandOvers.contains(handOver), !handOvers[handOver].isChecked else { return }
        for key in members(of: handOver) where suppressed.contains(enrolments[Self.enrolment(of: key)].person) {
            let place = Self.enrolment(of: key)
            guard let send = planned(key, in: handOver) else { continue }
            var row = enrolments[place].sends[send].value
            row.state = .suppressed
            writeSend(place, send, row)
            var value = enrolments[place].value
            Reaction.end(&value, as: .suppressed, because: "suppressed")
            write(place, value)
            count("suppressed before")
        }
        handOvers[handOver].isChecked = true
    }

    func handedMails(of handOver: Int, clock: Date) -> [HandedMail] {
        members(of: handOver).compactMap { key in
            let row = enrolments[Self.enrolment(of: key)]
            guard let send = planned(key, in: handOver), let mailbox = mailboxIndex[row.sends[send].value.mailbox] else { return nil }
            // Not before the instant at which it was planned, by whichever clock: it counts as of that day or a later one.
            return HandedMail(
                key: key, mailbox: mailbox, window: campaigns[row.campaign].schedule.window(for: row.value.zone),
                dueAt: max(clock, row.sends[send].plannedAt), edit: row.sends[send].edit)
        }
    }

    /// Delivery has them all; those of which it has told more already are left as they are.
    func finish(_ handOver: Int) {
        guard let open = openHandOvers.firstIndex(of: handOver) else { return }
        openHandOvers.remove(at: open)
        isTouched = true
        for key in handOvers[handOver].keys {
            guard let send = planned(key, in: handOver) else { continue }
            let place = Self.enrolment(of: key)
            var row = enrolments[place].sends[send].value
            row.state = .queued
            writeSend(place, send, row)
            var value = enrolments[place].value
            guard value.status == .handingOver, value.step == row.step else { continue }
            value.status = .queued
            write(place, value)
        }
        completeIfDone(handOvers[handOver].campaign)
    }

    /// Nothing was enqueued: its enrolments wait again. Only whoever has it may say so.
    func abandon(_ handOver: Int, attempt: Int, clock: Date) {
        guard handOvers[handOver].attempt == attempt, let open = openHandOvers.firstIndex(of: handOver) else { return }
        openHandOvers.remove(at: open)
        isTouched = true
        for key in handOvers[handOver].keys {
            guard let send = planned(key, in: handOver) else { continue }
            let place = Self.enrolment(of: key)
            removeSend(place, send)
            var value = enrolments[place].value
            guard value.status == .handingOver, value.step == Self.step(of: key) else { continue }
            value.status = .waiting
            if enrolments[place].sends.isEmpty { value.mailbox = nil }
            write(place, value)
        }
        campaigns[handOvers[handOver].campaign].nextAt = clock + 60
        count("abandoned")
    }

    // MARK: - Back from Delivery

    /// The next mails to recall; none when the sweep is over, which is then written.
    func nextRecall(_ index: Int) -> [Int] {
        var keys: [Int] = []
        for place in campaigns[index].enrolments where place > campaigns[index].sweepCursor && keys.count < 7 {
            for send in enrolments[place].sends where send.value.state == .queued { keys.append(Self.key(place, send.value.step)) }
        }
        if keys.isEmpty {
            campaigns[index].sweptEdits = campaigns[index].edits
            endSweep(index)
        }
        return keys
    }

    /// Whoever asked has the answer, and nobody took the sweep over meanwhile.
    func recalled(_ index: Int, token: Int, asked: [Int], _ answer: Withdrawn) {
        guard campaigns[index].sweeping == .recall, campaigns[index].sweepToken == token else { return }
        let back = answer.withdrawn + answer.unknown + (breakage == .recallsTooLate ? answer.tooLate : [])
        for key in back {
            let place = Self.enrolment(of: key)
            guard let send = enrolments[place].index(ofStep: Self.step(of: key)) else { continue }
            var row = enrolments[place].sends[send].value
            guard row.state == .queued else { continue }
            var value = enrolments[place].value
            if value.status == .queued && value.step == row.step {
                removeSend(place, send)
                value.status = .waiting
                value.dueAt = now
                if enrolments[place].sends.isEmpty { value.mailbox = nil }
                write(place, value)
            } else {
                row.state = .cancelled
                writeSend(place, send, row)
            }
        }
        campaigns[index].sweepCursor = asked.map { Self.enrolment(of: $0) }.max() ?? campaigns[index].sweepCursor
        campaigns[index].sweepLease = .distantPast
        isTouched = true
    }

    /// Ends the next enrolments of a campaign that was stopped.
    func stopSome(_ index: Int) {
        let left = campaigns[index].enrolments.filter { $0 > campaigns[index].sweepCursor }.prefix(7)
        // What becomes of a held mail is still to be told.
        for place in left where !enrolments[place].value.status.isFinal && enrolments[place].value.status != .held {
            var value = enrolments[place].value
            Reaction.end(&value, as: .removed, because: "campaign_stopped")
            write(place, value)
        }
        if let last = left.last { campaigns[index].sweepCursor = last } else { endSweep(index) }
        campaigns[index].sweepLease = .distantPast
        isTouched = true
    }

    private func endSweep(_ index: Int) {
        campaigns[index].sweeping = nil
        campaigns[index].nextAt = now
        isTouched = true
        trace("campaign \(index) is swept")
        completeIfDone(index)
    }

    /// Mails that an ended enrolment has with Delivery, and no word of their end.
    func outstandingKeys(_ places: [Int]) -> [Int] {
        places.flatMap { place in
            enrolments[place].sends.filter { $0.value.state.isOutstanding }.map { Self.key(place, $0.value.step) }
        }
    }

    func withdrawn(_ places: [Int], _ answer: Withdrawn) {
        for key in answer.withdrawn + answer.unknown {
            let place = Self.enrolment(of: key)
            guard let send = enrolments[place].index(ofStep: Self.step(of: key)) else { continue }
            var row = enrolments[place].sends[send].value
            guard row.state.isOutstanding else { continue }
            row.state = .cancelled
            writeSend(place, send, row)
        }
        for place in places {
            // It was on its way to its server when it was asked back, and is deferred since: it is asked back again.
            if enrolments[place].sends.contains(where: { $0.value.state == .deferred }) { continue }
            var value = enrolments[place].value
            value.needsWithdrawal = false
            withdrawing.removeAll { $0 == place }
            write(place, value)
        }
    }
}
