import Contracts
import Foundation

/// What a test of variants has come to.
struct TestState: Sendable, Equatable {
    /// When the step's first mail was due.
    let openedAt: Date
    var winner: String?
}

/// Which variant of a mail somebody gets: the same enrolment always draws the same lot.
enum VariantChoice {
    enum Outcome: Sendable, Equatable {
        case variant(String)
        /// The winner is not known before then.
        case waitForWinner(until: Date)
    }

    static func choose(_ email: EmailStep, step: Int, for enrolment: EnrolmentID, state: TestState?, now: Date) -> Outcome {
        guard let test = email.test, email.variants.count > 1 else { return .variant(draw(email.variants, lot(enrolment, step, salt: 1))) }
        if let winner = state?.winner, email.variants.contains(where: { $0.name == winner }) { return .variant(winner) }
        guard !isInSample(enrolment, step: step, test: test) else { return .variant(draw(email.variants, lot(enrolment, step, salt: 1))) }
        // A test that nobody has begun begins now, also when the first to come is not in the sample.
        let deadlines = test.deadlines(openedAt: state?.openedAt ?? now)
        // Whoever comes after the last deadline finds a winner, which is decided first; until then they look again at each deadline.
        return .waitForWinner(until: now < deadlines.first ? deadlines.first : max(deadlines.last, now))
    }

    static func isInSample(_ enrolment: EnrolmentID, step: Int, test: VariantTest) -> Bool {
        Double(lot(enrolment, step, salt: 2) >> 11) / Double(1 << 53) < test.sampleShare
    }

    private static func draw(_ variants: [EmailStep.Variant], _ lot: UInt64) -> String {
        let total = UInt64(variants.reduce(0) { $0 + max(1, $1.weight) })
        var rest = lot % max(1, total)
        for variant in variants {
            let weight = UInt64(max(1, variant.weight))
            if rest < weight { return variant.name }
            rest -= weight
        }
        return variants.last?.name ?? ""
    }

    /// A number that enrolment, step and salt determine (FNV-1a with SplitMix64's finish, so that neighbours differ).
    private static func lot(_ enrolment: EnrolmentID, _ step: Int, salt: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        withUnsafeBytes(of: enrolment.uuid.uuid) { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        hash ^= UInt64(truncatingIfNeeded: step) &* 0x9E37_79B9_7F4A_7C15 &+ salt
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }
}

extension VariantTest {
    /// When the winner is looked for, and when it is decided whatever is known.
    func deadlines(openedAt: Date) -> (first: Date, last: Date) {
        let hours = Double(decideAfterHours) * 3_600
        return (openedAt + hours, openedAt + 2 * hours)
    }

    /// The winner at `now`, or nil while it is too early to say. `results` are mails and successes by variant; of equals the first wins.
    func winner(of variants: [EmailStep.Variant], results: [String: (mails: Int64, successes: Int64)], openedAt: Date, now: Date) -> String? {
        let deadlines = deadlines(openedAt: openedAt)
        guard now >= deadlines.first else { return nil }
        let isEnough = variants.allSatisfy { (results[$0.name]?.mails ?? 0) >= minimumSample }
        guard isEnough || now >= deadlines.last else { return nil }
        var best: (name: String, rate: Double)?
        for variant in variants {
            let result = results[variant.name] ?? (0, 0)
            let rate = result.mails > 0 ? Double(result.successes) / Double(result.mails) : 0
            if best.map({ rate > $0.rate }) ?? true { best = (variant.name, rate) }
        }
        return best?.name
    }
}

extension CampaignSequence {
    /// Steps whose tests an edit makes another: what was found out about the old variants says nothing of the new.
    static func changedTests(from old: [Step], to new: [Step]) -> [Int] {
        new.compactMap { step in
            guard let email = step.email, let before = old.first(where: { $0.number == step.number })?.email else { return nil }
            return email.variants == before.variants && email.test == before.test ? nil : step.number
        }
    }
}
