import Foundation

/// Where an enrolment stands: at a mail or a condition that is due at an instant, or at the end.
enum Standing: Sendable, Equatable {
    case at(step: Int, dueAt: Date)
    case end
}

/// What a person did with the mails of an enrolment, and what is known of them.
struct ConditionFacts: Sendable, Equatable {
    /// Steps whose mails a person opened, clicked, or answered.
    var opened: Set<Int> = []
    var clicked: Set<Int> = []
    var replied: Set<Int> = []
    /// Condition steps whose filter the lead matches now.
    var matching: Set<Int> = []
}

/// How enrolments move through a sequence: functions of where they are and when it is.
extension CampaignSequence {
    /// Where somebody stands who begins now.
    func start(at instant: Date) -> Standing { arrive(atIndex: 0, at: instant) }

    /// Where somebody stands whose mail of `step` went out at `instant`. If the step is no more, `old`, the version that had it, says where it was.
    func after(step number: Int, at instant: Date, previously old: CampaignSequence? = nil) -> Standing {
        guard let index = index(of: number) else { return arrive(atIndex: place(of: number, in: old), at: instant) }
        return go(steps[index].next, from: index, at: instant)
    }

    /// Where the condition `step` sends somebody of whom `facts` are true.
    func evaluate(condition step: Int, facts: ConditionFacts, at instant: Date) -> (isMet: Bool, standing: Standing)? {
        guard let index = index(of: step), case .condition(let condition) = steps[index].action else { return nil }
        let isMet =
            switch condition.test {
            case .opened(let asked): asked.map { facts.opened.contains($0) } ?? !facts.opened.isEmpty
            case .clicked(let asked): asked.map { facts.clicked.contains($0) } ?? !facts.clicked.isEmpty
            case .replied: !facts.replied.isEmpty
            case .attribute: facts.matching.contains(step)
            }
        return (isMet, go(isMet ? condition.then : condition.otherwise, from: index, at: instant))
    }

    /// Where somebody stands who stood at a step of the version `old`: there, if there still is such a step and its mail was not decided,
    /// otherwise at what has taken its place. `done` are the steps whose mails were decided: none of them is done again.
    func moved(from number: Int, dueAt: Date, done: Set<Int>, previously old: CampaignSequence?) -> Standing {
        var standing = arrive(atIndex: index(of: number) ?? place(of: number, in: old), at: dueAt)
        // Bounded by the number of steps: each turn goes forward.
        while case .at(let step, let instant) = standing, done.contains(step) { standing = after(step: step, at: instant) }
        return standing
    }

    private func go(_ target: Target, from index: Int, at instant: Date) -> Standing {
        switch target {
        case .following: arrive(atIndex: index + 1, at: instant)
        case .step(let number): self.index(of: number).map { arrive(atIndex: $0, at: instant) } ?? .end
        case .exit: .end
        }
    }

    /// Walks over waits until there is something to do.
    private func arrive(atIndex start: Int, at instant: Date) -> Standing {
        var (index, dueAt) = (start, instant)
        while index < steps.count {
            guard case .wait(let seconds) = steps[index].action else { return .at(step: steps[index].number, dueAt: dueAt) }
            dueAt += Double(seconds)
            switch steps[index].next {
            case .following: index += 1
            case .exit: return .end
            case .step(let number):
                guard let later = self.index(of: number), later > index else { return .end }
                index = later
            }
        }
        return .end
    }

    /// Where a step was that is gone: behind the last step before it that is still there, at the beginning when there is none.
    private func place(of gone: Int, in old: CampaignSequence?) -> Int {
        guard let old, let place = old.index(of: gone) else { return steps.count }
        return old.steps[..<place].reversed().lazy.compactMap { index(of: $0.number) }.first.map { $0 + 1 } ?? 0
    }
}
