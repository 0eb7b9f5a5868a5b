import Contracts
import Foundation

@testable import Campaigns

// What people and operators do, and what befalls the machines.
extension Simulation {
    func intervene(_ intervention: Intervention) {
        switch intervention {
        case .launch(let index): launch(index)
        case .edit(let index): edit(index)
        case .pause(let index): pause(index)
        case .resume(let index): resume(index)
        case .stop(let index): stop(index)
        case .leave(let index): leave(index)
        case .erase(let person): eraseEverywhere(person)
        case .cancelOne: cancelOne()
        case .readOnly(let tenant): setAccess(tenant, isReadOnly: true)
        case .fullAccess(let tenant): setAccess(tenant, isReadOnly: false)
        case .quotaOut(let tenant):
            guard now < quietAt else { return }
            tenants[tenant].isOutOfQuota = true
            trace("tenant \(tenant) is out of quota")
            timeline.add(.intervention(.quotaBack(tenant: tenant)), at: now + Double(dice.between(3_600...250_000)))
        case .quotaBack(let tenant): tenants[tenant].isOutOfQuota = false
        case .pauseMailbox(let index):
            guard now < quietAt else { return }
            setMailbox(index, "paused")
            timeline.add(.intervention(.resumeMailbox(index)), at: now + Double(dice.between(3_600...100_000)))
        case .resumeMailbox(let index): setMailbox(index, "active")
        case .jump(let index):
            guard now < quietAt else { return }
            setClock(index, skew: replicas[index].usualSkew + (dice.chance(0.5) ? 3_600 : -3_600))
            timeline.add(.intervention(.jumpBack(replica: index)), at: now + Double(dice.between(600...40_000)))
            count("jump")
        case .jumpBack(let index): setClock(index, skew: replicas[index].usualSkew)
        case .outage(let seconds):
            guard now < quietAt, outageEnd == nil else { return }
            outageEnd = now + seconds
            trace("Delivery is down until \(Self.stamp(now + seconds))")
            timeline.add(.intervention(.outageEnd), at: now + seconds)
        case .outageEnd: endOutage()
        case .quiet: ceaseFaults()
        case .inspect: inspect()
        }
    }

    // MARK: - Campaigns

    private func launch(_ index: Int) {
        guard campaigns[index].status == .draft else { return }
        campaigns[index].status = .active
        campaigns[index].version += 1
        campaigns[index].nextAt = now
        isTouched = true
        trace("campaign \(index) is launched")
    }

    /// Answered when Delivery has committed it.
    private func pause(_ index: Int) {
        guard campaigns[index].status == .active, now < quietAt else { return }
        campaigns[index].status = .paused
        campaigns[index].version += 1
        trace("campaign \(index) is paused")
        count("paused")
        call(.campaign(index), isOpen: false, campaigns[index].version)
        timeline.add(.intervention(.resume(campaign: index)), at: now + Double(dice.between(600...300_000)))
    }

    private func resume(_ index: Int) {
        guard campaigns[index].status == .paused else { return }
        campaigns[index].status = .active
        campaigns[index].version += 1
        campaigns[index].nextAt = now
        isTouched = true
        trace("campaign \(index) is resumed")
        call(.campaign(index), isOpen: true, campaigns[index].version)
        completeIfDone(index)
    }

    private func stop(_ index: Int) {
        guard campaigns[index].status.isRunning, now < quietAt else { return }
        campaigns[index].status = .completed
        campaigns[index].version += 1
        beginSweep(index, .stop)
        trace("campaign \(index) is stopped")
        count("stopped")
        call(.campaign(index), isOpen: false, campaigns[index].version)
    }

    private func setAccess(_ tenant: Int, isReadOnly: Bool) {
        guard tenants[tenant].isReadOnly != isReadOnly, !isReadOnly || now < quietAt else { return }
        tenants[tenant].isReadOnly = isReadOnly
        tenants[tenant].accessVersion += 1
        trace("tenant \(tenant) has \(isReadOnly ? "read-only" : "full") access")
        call(.tenant(tenant), isOpen: !isReadOnly, tenants[tenant].accessVersion)
        if isReadOnly {
            timeline.add(.intervention(.fullAccess(tenant: tenant)), at: now + Double(dice.between(3_600...400_000)))
        } else {
            for index in campaigns.indices where campaigns[index].tenant == tenant { campaigns[index].nextAt = min(campaigns[index].nextAt, now) }
            isTouched = true
        }
    }

    /// The call reaches Delivery soon; some come once more, much later.
    private func call(_ scope: GateCall.Scope, isOpen: Bool, _ version: Int64) {
        let call = GateCall(scope: scope, isOpen: isOpen, version: version)
        timeline.add(.gate(call), at: now + dice.seconds(0.0625...5))
        if isUnlucky(0.4) { timeline.add(.gate(call), at: now + Double(dice.between(60...200_000))) }
    }

    // MARK: - People

    private func leave(_ index: Int) {
        guard !campaigns[index].enrolments.isEmpty, now < quietAt else { return }
        let place = dice.pick(campaigns[index].enrolments)
        enrolments[place].isInAudience = false
    }

    /// Delivery forgets the person first; whatever it cancels is told as usual.
    private func eraseEverywhere(_ person: Int) {
        guard people[person].status != nil, outageEnd == nil, now < quietAt else { return }
        trace("person \(person) is erased")
        erase(person)
        people[person].status = nil
        for place in enrolments.indices where enrolments[place].person == person && !enrolments[place].value.status.isFinal {
            var value = enrolments[place].value
            Reaction.end(&value, as: .removed, because: "lead_erased")
            write(place, value)
            completeIfDone(enrolments[place].campaign)
        }
    }

    private func cancelOne() {
        guard outageEnd == nil, now < quietAt else { return }
        let waiting = mails.indices.filter { mails[$0].state == .planned || mails[$0].state == .deferred }
        if !waiting.isEmpty { cancel(dice.pick(waiting)) }
    }

    // MARK: - Machines

    private func setMailbox(_ index: Int, _ state: String) {
        mailboxes[index].state = state
        trace("mailbox \(index) is \(state)")
        scheduleClaim(index)
    }

    private func endOutage() {
        guard outageEnd != nil else { return }
        outageEnd = nil
        trace("Delivery is back")
        scheduleClaims()
        isTouched = true
    }

    /// From here on nothing goes wrong any more; a few things stay as they are for good.
    private func ceaseFaults() {
        trace("the faults cease")
        endOutage()
        revive()
        for tenant in tenants.indices {
            tenants[tenant].isOutOfQuota = false
            setAccess(tenant, isReadOnly: false)
        }
        for index in mailboxes.indices {
            if mailboxes[index].state == "paused", !dice.chance(0.2) {
                setMailbox(index, "active")
            } else if dice.chance(0.02) {
                setMailbox(index, "stopped")
            }
        }
        for index in campaigns.indices where campaigns[index].status == .paused && !dice.chance(0.2) { resume(index) }
    }

    /// Edits, pauses and stops come when mail is on its way, more often than by chance alone.
    func tempt(_ campaign: Int) {
        guard isUnlucky(0.06) else { return }
        let intervention: Intervention =
            switch dice.below(10) {
            case 0..<5: .edit(campaign: campaign)
            case 5..<8: .pause(campaign: campaign)
            case 8: .cancelOne
            default: .outage(1_800)
            }
        timeline.add(.intervention(intervention), at: now + dice.seconds(0...300))
    }
}
