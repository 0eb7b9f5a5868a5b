/// What a metric tells: declared beside what counts it, and told to whoever scrapes, whether or not it has a series yet.
public struct MetricDescription: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    public let name: String
    public let kind: Kind
    public let help: String
    /// Without `le`.
    public let labels: [String]

    private init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
        (self.name, self.kind, self.labels, self.help) = (name, kind, labels, help)
    }

    /// A number that only grows.
    public static func counter(_ name: String, _ labels: String..., help: String) -> MetricDescription {
        MetricDescription(name, .counter, labels, help)
    }

    /// A number that goes up and down.
    public static func gauge(_ name: String, _ labels: String..., help: String) -> MetricDescription {
        MetricDescription(name, .gauge, labels, help)
    }

    /// How often something took at most so long, in seconds.
    public static func histogram(_ name: String, _ labels: String..., help: String) -> MetricDescription {
        MetricDescription(name, .histogram, labels, help)
    }
}
