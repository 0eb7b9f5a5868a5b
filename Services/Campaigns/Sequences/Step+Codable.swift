import Foundation

extension Step: Codable {
    private enum CodingKeys: String, CodingKey {
        case number, kind, variants, test, startsThread, seconds, condition, then, otherwise, next
    }

    private enum Kind: String, Codable {
        case email
        case wait
        case condition
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        number = try container.decode(Int.self, forKey: .number)
        next = try container.decodeIfPresent(Target.self, forKey: .next) ?? .following
        switch try container.decode(Kind.self, forKey: .kind) {
        case .email:
            action = .email(
                EmailStep(
                    variants: try container.decode([EmailStep.Variant].self, forKey: .variants),
                    test: try container.decodeIfPresent(VariantTest.self, forKey: .test),
                    startsThread: try container.decodeIfPresent(Bool.self, forKey: .startsThread)))
        case .wait: action = .wait(try container.decode(Int.self, forKey: .seconds))
        case .condition:
            action = .condition(
                ConditionStep(
                    test: try container.decode(ConditionStep.Test.self, forKey: .condition),
                    then: try container.decodeIfPresent(Target.self, forKey: .then) ?? .following,
                    otherwise: try container.decodeIfPresent(Target.self, forKey: .otherwise) ?? .following))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(number, forKey: .number)
        if next != .following { try container.encode(next, forKey: .next) }
        switch action {
        case .email(let step):
            try container.encode(Kind.email, forKey: .kind)
            try container.encode(step.variants, forKey: .variants)
            try container.encodeIfPresent(step.test, forKey: .test)
            try container.encodeIfPresent(step.startsThread, forKey: .startsThread)
        case .wait(let seconds):
            try container.encode(Kind.wait, forKey: .kind)
            try container.encode(seconds, forKey: .seconds)
        case .condition(let step):
            try container.encode(Kind.condition, forKey: .kind)
            try container.encode(step.test, forKey: .condition)
            try container.encode(step.then, forKey: .then)
            try container.encode(step.otherwise, forKey: .otherwise)
        }
    }
}

/// `"next"`, `"exit"` or the number of a step.
extension Target: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .step(number)
            return
        }
        switch try container.decode(String.self) {
        case "next": self = .following
        case "exit": self = .exit
        default: throw DecodingError.dataCorruptedError(in: container, debugDescription: "a target is next, exit or the number of a step")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .following: try container.encode("next")
        case .exit: try container.encode("exit")
        case .step(let number): try container.encode(number)
        }
    }
}

/// `{"kind":"opened","step":1}`, `{"kind":"attribute","filter":{…}}`.
extension ConditionStep.Test: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, step, filter
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(String.self, forKey: .kind) {
        case "opened": self = .opened(step: try container.decodeIfPresent(Int.self, forKey: .step))
        case "clicked": self = .clicked(step: try container.decodeIfPresent(Int.self, forKey: .step))
        case "replied": self = .replied
        case "attribute": self = .attribute(try container.decode(SegmentFilter.self, forKey: .filter))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container, debugDescription: "a condition is opened, clicked, replied or attribute")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .opened(let step):
            try container.encode("opened", forKey: .kind)
            try container.encodeIfPresent(step, forKey: .step)
        case .clicked(let step):
            try container.encode("clicked", forKey: .kind)
            try container.encodeIfPresent(step, forKey: .step)
        case .replied: try container.encode("replied", forKey: .kind)
        case .attribute(let filter):
            try container.encode("attribute", forKey: .kind)
            try container.encode(filter, forKey: .filter)
        }
    }
}
