import Contracts
import Foundation

/// The steps of a campaign in one version; a version never changes, an edit makes the next.
struct CampaignSequence: Sendable, Equatable {
    let version: Int
    let steps: [Step]

    static let maximumSteps = 20

    func index(of number: Int) -> Int? { steps.firstIndex { $0.number == number } }
    func step(_ number: Int) -> Step? { steps.first { $0.number == number } }
    var emailSteps: [Step] { steps.filter { $0.email != nil } }
}

/// One step: its number is its name for ever, also when steps before it come and go.
struct Step: Sendable, Equatable {
    enum Action: Sendable, Equatable {
        case email(EmailStep)
        /// Seconds from what went before.
        case wait(Int)
        case condition(ConditionStep)
    }

    let number: Int
    let action: Action
    /// Where an enrolment goes from here; a condition's own branches say that for it.
    var next: Target = .following

    var email: EmailStep? {
        if case .email(let step) = action { step } else { nil }
    }
}

/// Where to go: always forward, so that every enrolment comes to an end and no step is done twice.
enum Target: Sendable, Equatable {
    case following
    case step(Int)
    case exit
}

/// A mail in one or more variants.
struct EmailStep: Codable, Sendable, Equatable {
    struct Variant: Codable, Sendable, Equatable {
        let name: String
        let template: TemplateID
        /// Nil until the sequence is saved: the newest version then.
        var templateVersion: Int?
        var weight: Int

        init(name: String, template: TemplateID, templateVersion: Int? = nil, weight: Int = 1) {
            self.name = name
            self.template = template
            self.templateVersion = templateVersion
            self.weight = weight
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            template = try container.decode(TemplateID.self, forKey: .template)
            templateVersion = try container.decodeIfPresent(Int.self, forKey: .templateVersion)
            weight = try container.decodeIfPresent(Int.self, forKey: .weight) ?? 1
        }
    }

    let variants: [Variant]
    var test: VariantTest?
    /// A mail of its own instead of an answer in the thread of the ones before.
    var startsThread: Bool?
}

/// How the better variant is found: a share of the leads gets them by lot, the rest waits for the winner.
struct VariantTest: Codable, Sendable, Equatable {
    enum Metric: String, Codable, Sendable {
        case opened
        case clicked
        case replied
    }

    /// Above 0, at most 1.
    let sampleShare: Double
    let metric: Metric
    /// Mails that each variant must have had.
    let minimumSample: Int
    /// Hours after the step's first mail was due; twice as long when samples are too small, then the best so far wins.
    let decideAfterHours: Int
}

/// A question about what the lead did or is, asked when the enrolment comes to it.
struct ConditionStep: Sendable, Equatable {
    enum Test: Sendable, Equatable {
        /// By a person; of the mail of this step, or of any mail before.
        case opened(step: Int?)
        case clicked(step: Int?)
        case replied
        case attribute(SegmentFilter)
    }

    let test: Test
    let then: Target
    let otherwise: Target
}
