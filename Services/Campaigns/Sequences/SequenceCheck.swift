import Foundation

/// What is wrong with a sequence, each with its place, so that an editor can mark them all at once.
struct SequenceFault: Sendable, Equatable {
    /// As `steps.2.variants.0.weight`.
    let path: String
    let detail: String
}

extension CampaignSequence {
    /// Steps' numbers are unique, branches lead forward, variants and waits are within bounds; empty when all is well.
    var faults: [SequenceFault] {
        var faults: [SequenceFault] = []
        func fault(_ path: String, _ detail: String) { faults.append(SequenceFault(path: path, detail: detail)) }
        if steps.isEmpty { fault("steps", "A sequence needs at least one step.") }
        if steps.count > Self.maximumSteps { fault("steps", "A sequence has at most \(Self.maximumSteps) steps.") }
        if !steps.isEmpty && emailSteps.isEmpty { fault("steps", "A sequence needs at least one mail.") }
        let reached = reachable
        var seen: Set<Int> = []
        for (index, step) in steps.enumerated() {
            let path = "steps.\(index)"
            if !(1...9_999).contains(step.number) { fault("\(path).number", "A step's number is from 1 to 9999.") }
            if !seen.insert(step.number).inserted { fault("\(path).number", "Two steps have the number \(step.number).") }
            faults += faultsOfTarget(step.next, from: index, path: "\(path).next")
            if !reached.contains(step.number) { fault(path, "No way through the sequence leads to step \(step.number).") }
            switch step.action {
            case .email(let email): faults += email.faults(path: path)
            case .wait(let seconds):
                if !(60...31_536_000).contains(seconds) { fault("\(path).seconds", "A wait lasts from a minute to a year.") }
            case .condition(let condition):
                faults += faultsOfTarget(condition.then, from: index, path: "\(path).then")
                faults += faultsOfTarget(condition.otherwise, from: index, path: "\(path).otherwise")
                if let asked = condition.test.asksStep {
                    let isEarlierMail = self.index(of: asked).map { $0 < index && steps[$0].email != nil } ?? false
                    if !isEarlierMail { fault("\(path).condition.step", "A condition asks about a mail that comes before it.") }
                }
            }
        }
        return faults
    }

    /// The numbers of the steps that somebody can come to.
    private var reachable: Set<Int> {
        guard let first = steps.first else { return [] }
        var reached: Set<Int> = [first.number]
        // Ways lead forward only, so one pass in their order finds them all.
        for (index, step) in steps.enumerated() where reached.contains(step.number) {
            let targets: [Target] =
                if case .condition(let condition) = step.action { [condition.then, condition.otherwise] } else { [step.next] }
            for target in targets {
                switch target {
                case .following: if index + 1 < steps.count { reached.insert(steps[index + 1].number) }
                case .step(let number): reached.insert(number)
                case .exit: break
                }
            }
        }
        return reached
    }

    private func faultsOfTarget(_ target: Target, from index: Int, path: String) -> [SequenceFault] {
        guard case .step(let number) = target else { return [] }
        if let place = self.index(of: number), place > index { return [] }
        return [SequenceFault(path: path, detail: "A branch leads to a later step of the sequence, or to exit.")]
    }
}

extension ConditionStep.Test {
    /// The mail that is asked about; nil for any.
    var asksStep: Int? {
        switch self {
        case .opened(let step), .clicked(let step): step
        case .replied, .attribute: nil
        }
    }
}

extension EmailStep {
    fileprivate func faults(path: String) -> [SequenceFault] {
        var faults: [SequenceFault] = []
        func fault(_ path: String, _ detail: String) { faults.append(SequenceFault(path: path, detail: detail)) }
        if !(1...5).contains(variants.count) { fault("\(path).variants", "A mail has one to five variants.") }
        if Set(variants.map(\.name)).count != variants.count { fault("\(path).variants", "Two variants have the same name.") }
        for (index, variant) in variants.enumerated() {
            if !(1...20).contains(variant.name.count) { fault("\(path).variants.\(index).name", "A variant's name has 1 to 20 characters.") }
            if !(1...100).contains(variant.weight) { fault("\(path).variants.\(index).weight", "A weight is from 1 to 100.") }
        }
        guard let test else { return faults }
        if variants.count < 2 { fault("\(path).test", "A test needs two variants or more.") }
        if !(test.sampleShare > 0 && test.sampleShare <= 1) { fault("\(path).test.sample_share", "The share is above 0 and at most 1.") }
        if !(1...100_000).contains(test.minimumSample) { fault("\(path).test.minimum_sample", "The sample is from 1 to 100000 mails a variant.") }
        if !(1...720).contains(test.decideAfterHours) { fault("\(path).test.decide_after_hours", "The test lasts from 1 to 720 hours.") }
        return faults
    }
}
