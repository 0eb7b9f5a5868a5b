import Contracts
import Foundation

@testable import Campaigns

// Sequences by lot, and what people make of them while they run.
extension Simulation {
    private static let template = TemplateID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)))
    private static let hour = 3_600
    private static let day = 86_400

    /// One to six steps; the first mail is never far.
    func makeSequence() -> CampaignSequence {
        let length = dice.between(1...6)
        var steps: [Step] = []
        for number in 1...length {
            let roll = steps.isEmpty ? 0 : dice.below(100)
            let action: Step.Action =
                roll < 50 ? .email(makeEmail()) : roll < 80 ? .wait(makeWait()) : .condition(makeCondition(after: steps, length: length))
            var step = Step(number: number, action: action)
            if number < length, dice.chance(0.05) { step.next = makeTarget(after: number, length: length) }
            steps.append(step)
        }
        let sequence = CampaignSequence(version: 1, steps: steps)
        if sequence.faults.isEmpty { return sequence }
        return CampaignSequence(version: 1, steps: [Step(number: 1, action: .email(makeEmail()))])
    }

    private func makeEmail() -> EmailStep {
        let names = dice.chance(0.6) ? ["A"] : dice.chance(0.7) ? ["A", "B"] : ["A", "B", "C"]
        var variants: [EmailStep.Variant] = []
        for name in names { variants.append(.init(name: name, template: Self.template, templateVersion: 1, weight: dice.between(1...3))) }
        var email = EmailStep(variants: variants)
        if names.count > 1, dice.chance(0.6) {
            email.test = VariantTest(
                sampleShare: dice.pick([0.2, 0.5, 1]), metric: dice.pick([.opened, .clicked, .replied]), minimumSample: dice.pick([1, 2, 5]),
                decideAfterHours: dice.pick([1, 12, 48]))
        }
        return email
    }

    private func makeWait() -> Int {
        dice.pick([60, Self.hour, 5 * Self.hour, Self.day, 2 * Self.day, 3 * Self.day, 5 * Self.day])
    }

    private func makeCondition(after steps: [Step], length: Int) -> ConditionStep {
        var asked: Int?
        let mails = steps.filter { $0.email != nil }.map(\.number)
        if !mails.isEmpty, dice.chance(0.6) { asked = dice.pick(mails) }
        let test: ConditionStep.Test = dice.pick([.opened(step: asked), .clicked(step: asked), .replied])
        return ConditionStep(
            test: test, then: makeTarget(after: steps.count + 1, length: length), otherwise: makeTarget(after: steps.count + 1, length: length))
    }

    private func makeTarget(after number: Int, length: Int) -> Target {
        let roll = dice.below(10)
        if roll < 5 || number >= length { return .following }
        if roll < 7 { return .exit }
        return .step(dice.between((number + 1)...length))
    }

    // MARK: - Edits

    /// The next version; nil when nothing that makes sense came of it.
    private func edited(_ index: Int) -> CampaignSequence? {
        let old = campaigns[index].sequence
        for _ in 0..<4 {
            var steps = old.steps
            let place = dice.below(steps.count)
            switch dice.below(5) {
            case 0: steps.remove(at: place)
            case 1:
                campaigns[index].lastNumber += 1
                steps.insert(Step(number: campaigns[index].lastNumber, action: .email(makeEmail())), at: dice.below(steps.count + 1))
            case 2:
                campaigns[index].lastNumber += 1
                steps.insert(Step(number: campaigns[index].lastNumber, action: .wait(makeWait())), at: dice.below(steps.count + 1))
            case 3:
                guard steps[place].email != nil else { continue }
                steps[place] = Step(number: steps[place].number, action: .email(makeEmail()), next: steps[place].next)
            default:
                guard steps.count > 1 else { continue }
                steps.swapAt(place, (place + 1) % steps.count)
            }
            let next = CampaignSequence(version: old.version + 1, steps: steps)
            if next.faults.isEmpty, steps.count <= 8 { return next }
        }
        return nil
    }

    /// Edits a running campaign in one commit: from then on nobody is planned until mail that nobody has claimed was asked back.
    func edit(_ index: Int) {
        guard campaigns[index].status.isRunning, campaigns[index].sweeping == nil, now < quietAt else { return }
        if dice.chance(0.7), let next = edited(index) { campaigns[index].sequences.append(next) }
        if dice.chance(0.4) { campaigns[index].schedule.dailyCap = makeCap(campaigns[index].audience.count) }
        if dice.chance(0.3) {
            let today = campaigns[index].clock.local(at: now).day
            campaigns[index].schedule.window = dice.chance(0.2) ? nil : makeWindow(campaigns[index].schedule.zone, firstDay: today)
        }
        if dice.chance(0.1) { campaigns[index].schedule.usesLeadZone.toggle() }
        campaigns[index].edits += 1
        beginSweep(index, .recall)
        trace("campaign \(index) is edited: sequence \(campaigns[index].sequence.version), cap \(campaigns[index].schedule.dailyCap ?? -1)")
        count("edited")
    }

    func beginSweep(_ index: Int, _ sweep: Sweep) {
        campaigns[index].sweeping = sweep
        campaigns[index].sweepCursor = -1
        campaigns[index].sweepLease = .distantPast
        campaigns[index].sweepToken += 1
        isTouched = true
    }
}
