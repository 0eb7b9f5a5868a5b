/// A question that one service asks another: the value is the request, and it names its answer.
///
/// The wire name is written out (`service.verbNoun`), so renaming the type changes nothing for others.
public protocol RPCMethod: Codable, Sendable {
    associatedtype Result: Codable & Sendable
    /// `service.verbNoun`.
    static var name: String { get }
    /// Whether asking twice has the effect of asking once; only then may a client ask again after a lost answer.
    static var isIdempotent: Bool { get }
    /// How long a caller waits in all, retries included.
    static var deadline: Duration { get }
}

extension RPCMethod {
    public static var deadline: Duration { .seconds(10) }
}

/// The answer of a method that has nothing to say.
public struct Empty: Codable, Sendable, Equatable {
    public init() {}
}
