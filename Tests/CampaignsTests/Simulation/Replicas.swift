import Contracts
import Foundation

@testable import Campaigns

// The replicas of the service: each takes one small step at a time, and may die between any two.
extension Simulation {
    struct Replica {
        enum Stage {
            case idle
            case dead
            case budgets(campaign: Int)
            case plan(campaign: Int, [DeliveryRPC.MailboxBudget], readAt: Date)
            case check(handOver: Int, attempt: Int)
            case checked(handOver: Int, attempt: Int, suppressed: Set<Int>)
            case reserve(handOver: Int, attempt: Int)
            case abandon(handOver: Int, attempt: Int)
            case enqueue(handOver: Int)
            case finish(handOver: Int)
            case recall(campaign: Int, token: Int, [Int])
            case recalled(campaign: Int, token: Int, [Int], Withdrawn)
            case withdraw([Int])
            case withdrawn([Int], Withdrawn)
        }

        /// What its clock is ahead as a rule, and now.
        let usualSkew: TimeInterval
        var skew: TimeInterval
        var stage = Stage.idle
        var token = 0
        /// When it does something next.
        var wakesAt: Date?

        var isIdle: Bool { if case .idle = stage { true } else { false } }
        var isDead: Bool { if case .dead = stage { true } else { false } }
    }

    /// Chance, until the faults cease.
    func isUnlucky(_ probability: Double) -> Bool { now < quietAt && dice.chance(probability) }

    /// A call to another service: the question may be lost, or the answer after it had its effect.
    private func ask<Answer>(_ what: String, isDelivery: Bool = true, _ effect: () -> Answer) -> Answer? {
        if isDelivery && outageEnd != nil { return nil }
        if isUnlucky(0.01) {
            trace("the call is lost: \(what)")
            return nil
        }
        let answer = effect()
        if isUnlucky(0.02) {
            trace("the answer is lost: \(what)")
            count("answer lost")
            return nil
        }
        return answer
    }

    func step(replica index: Int) {
        let stage = replicas[index].stage
        replicas[index].wakesAt = nil
        if case .idle = stage {
            begin(index)
            return
        }
        if case .dead = stage {
            replicas[index].stage = .idle
            trace("replica \(index) is back")
            begin(index)
            return
        }
        if isUnlucky(0.01) { return die(index) }
        replicas[index].stage = .idle
        guard let next = take(stage, clock: now + replicas[index].skew) else {
            // Something did not answer, or there is nothing more to do here.
            return schedule(index, at: now + dice.seconds(0.25...4))
        }
        go(index, next)
    }

    private func die(_ index: Int) {
        trace("replica \(index) dies before \(replicas[index].stage)")
        count("death")
        replicas[index].stage = .dead
        schedule(index, at: now + dice.seconds(1...400))
    }

    private func go(_ index: Int, _ stage: Replica.Stage) {
        replicas[index].stage = stage
        schedule(index, at: now + dice.seconds(0.015625...3))
    }

    private func schedule(_ index: Int, at instant: Date) {
        replicas[index].token += 1
        replicas[index].wakesAt = instant
        timeline.add(.replica(index, token: replicas[index].token), at: instant)
    }

    /// One step of something that was begun; gives the next one.
    private func take(_ stage: Replica.Stage, clock: Date) -> Replica.Stage? {
        switch stage {
        case .idle, .dead: return nil
        case .budgets(let campaign):
            let answer = ask("budgets") { campaigns[campaign].mailboxes.map { budget($0) } }
            return answer.map { .plan(campaign: campaign, $0, readAt: clock) }
        case .plan(let campaign, let budgets, let readAt):
            return plan(campaign, budgets: budgets, readAt: readAt, clock: clock).map { .check(handOver: $0, attempt: 1) }
        case .check(let handOver, let attempt):
            if handOvers[handOver].isChecked { return .reserve(handOver: handOver, attempt: attempt) }
            let people = members(of: handOver).map { enrolments[Self.enrolment(of: $0)].person }
            let answer = ask("suppressed") { Set(people.filter { suppressedPeople.contains($0) }) }
            return answer.map { .checked(handOver: handOver, attempt: attempt, suppressed: $0) }
        case .checked(let handOver, let attempt, let suppressed):
            check(handOver, suppressed: suppressed)
            return .reserve(handOver: handOver, attempt: attempt)
        case .reserve(let handOver, let attempt):
            if members(of: handOver).isEmpty { return .finish(handOver: handOver) }
            guard let isGranted = ask("quota", isDelivery: false, { reserve(handOver) }) else { return nil }
            return isGranted ? .enqueue(handOver: handOver) : .abandon(handOver: handOver, attempt: attempt)
        case .abandon(let handOver, let attempt):
            abandon(handOver, attempt: attempt, clock: clock)
            return nil
        case .enqueue(let handOver):
            let mails = handedMails(of: handOver, clock: clock)
            tempt(handOvers[handOver].campaign)
            trace("hand-over \(handOver) goes to Delivery: \(mails.count) mails")
            return ask("enqueue") { enqueue(mails) }.map { _ in .finish(handOver: handOver) }
        case .finish(let handOver):
            finish(handOver)
            return nil
        case .recall(let campaign, let token, let keys):
            return ask("recall") { withdraw(keys, isRecall: true) }.map { .recalled(campaign: campaign, token: token, keys, $0) }
        case .recalled(let campaign, let token, let keys, let answer):
            recalled(campaign, token: token, asked: keys, answer)
            return nil
        case .withdraw(let places):
            let keys = outstandingKeys(places)
            return ask("cancel") { withdraw(keys, isRecall: false) }.map { .withdrawn(places, $0) }
        case .withdrawn(let places, let answer):
            withdrawn(places, answer)
            return nil
        }
    }

    /// Billing's answer to a key is the same for ever once it was yes.
    private func reserve(_ handOver: Int) -> Bool {
        if reservations.contains(handOver) { return true }
        guard !tenants[campaigns[handOvers[handOver].campaign].tenant].isOutOfQuota else { return false }
        reservations.insert(handOver)
        return true
    }

    // MARK: - What to do next

    /// Begins the first piece of work there is, or sleeps until there is some.
    private func begin(_ index: Int) {
        let clock = now + replicas[index].skew
        if let stage = nextStage(clock: clock) {
            go(index, stage)
        } else if let instant = nextWork(skew: replicas[index].skew) {
            schedule(index, at: max(now, instant) + dice.seconds(0.0625...1))
        }
    }

    private func nextStage(clock: Date) -> Replica.Stage? {
        if breakage != .neverResumes, let handOver = openHandOvers.first(where: { handOvers[$0].lockedUntil <= now }) {
            handOvers[handOver].lockedUntil = now + Self.lock
            handOvers[handOver].attempt += 1
            trace("hand-over \(handOver) is taken up again")
            count("resumed")
            return .check(handOver: handOver, attempt: handOvers[handOver].attempt)
        }
        for index in campaigns.indices where campaigns[index].sweeping != nil && campaigns[index].sweepLease <= now {
            if let stage = sweep(index) { return stage }
        }
        let ended = Array(withdrawing.filter { canWithdraw($0) && enrolments[$0].withdrawalLease <= now }.prefix(10))
        if !ended.isEmpty {
            for place in ended { enrolments[place].withdrawalLease = now + Self.lock }
            return .withdraw(ended)
        }
        for index in campaigns.indices where isEnrolling(index) { enrol(index, clock: clock) }
        var next: Int?
        for index in campaigns.indices where isPlannable(index) && campaigns[index].nextAt <= clock {
            if let next, campaigns[next].nextAt <= campaigns[index].nextAt { continue }
            next = index
        }
        guard let chosen = next else { return nil }
        // A lease: should this replica die, another looks in a minute.
        campaigns[chosen].nextAt = clock + Self.lock
        return .budgets(campaign: chosen)
    }

    /// A sweep waits for batches on their way, so that it finds their mails.
    private func sweep(_ index: Int) -> Replica.Stage? {
        campaigns[index].sweepLease = now + Self.lock
        campaigns[index].sweepToken += 1
        if openHandOvers.contains(where: { handOvers[$0].campaign == index }) {
            campaigns[index].sweepLease = now + 5
            return nil
        }
        guard campaigns[index].sweeping == .recall else {
            stopSome(index)
            return nil
        }
        let keys = nextRecall(index)
        return keys.isEmpty ? nil : .recall(campaign: index, token: campaigns[index].sweepToken, keys)
    }

    /// Mail that is on its way to Delivery is withdrawn when it is there.
    private func canWithdraw(_ place: Int) -> Bool { !enrolments[place].hasPlannedMail }
    private func isEnrolling(_ index: Int) -> Bool { campaigns[index].status == .active && !campaigns[index].isEnrolled }
    private func isPlannable(_ index: Int) -> Bool { campaigns[index].status == .active && campaigns[index].sweeping == nil }

    /// When there may be work for a replica whose clock is ahead by `skew`.
    private func nextWork(skew: TimeInterval) -> Date? {
        var next = Date.distantFuture
        if breakage != .neverResumes {
            for handOver in openHandOvers { next = min(next, handOvers[handOver].lockedUntil) }
        }
        for place in withdrawing where canWithdraw(place) { next = min(next, enrolments[place].withdrawalLease) }
        for index in campaigns.indices {
            if campaigns[index].sweeping != nil { next = min(next, campaigns[index].sweepLease) }
            if isEnrolling(index) { next = min(next, now) }
            if isPlannable(index) { next = min(next, campaigns[index].nextAt - skew) }
        }
        return next < Date.distantFuture - 200_000 ? next : nil
    }

    /// Tells idle replicas that there may be work earlier than they thought.
    func wakeReplicas() {
        for index in replicas.indices where replicas[index].isIdle {
            guard let instant = nextWork(skew: replicas[index].skew) else { continue }
            let wakesAt = max(now, instant) + dice.seconds(0.0625...1)
            if let planned = replicas[index].wakesAt, planned <= wakesAt { continue }
            schedule(index, at: wakesAt)
        }
    }

    /// Its clock is set; sleeping by it begins anew.
    func setClock(_ index: Int, skew: TimeInterval) {
        replicas[index].skew = skew
        trace("the clock of replica \(index) is \(skew) s ahead")
        isTouched = true
    }

    /// Whatever was dead lives again.
    func revive() {
        for index in replicas.indices {
            replicas[index].skew = replicas[index].usualSkew
            if replicas[index].isDead { schedule(index, at: now + 1) }
        }
        isTouched = true
    }
}
