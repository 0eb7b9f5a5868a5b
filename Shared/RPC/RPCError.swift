public import Primitives

/// Why a question got no answer; `kind` is the stable word that callers switch on.
public struct RPCError: TransientError, Sendable, Equatable, CustomStringConvertible {
    /// JSON-RPC 2.0's number: -32700 … -32603, or -32000 for a refusal with a meaning of its own.
    public let code: Int
    public let kind: String
    public let message: String

    /// A refusal that the caller can act on.
    public init(kind: String, message: String) {
        self.init(code: -32_000, kind: kind, message: message)
    }

    init(code: Int, kind: String, message: String) {
        self.code = code
        self.kind = kind
        self.message = message
    }

    /// The peer cannot be reached or is not ready.
    public static func unavailable(_ message: String) -> RPCError { .init(code: -32_002, kind: "unavailable", message: message) }
    /// The caller's time was over before there was an answer.
    public static func deadlineExceeded(_ method: String) -> RPCError {
        .init(code: -32_001, kind: "deadline_exceeded", message: "\(method): no answer in time")
    }
    static let internalFailure = RPCError(code: -32_603, kind: "internal", message: "internal error")
    static let notJSON = RPCError(code: -32_700, kind: "parse_error", message: "the body is not JSON")
    static func invalidRequest(_ message: String) -> RPCError { .init(code: -32_600, kind: "invalid_request", message: message) }
    static func methodNotFound(_ name: String) -> RPCError {
        .init(code: -32_601, kind: "method_not_found", message: "no method \(name.prefix(100))")
    }
    static func invalidParams(_ message: String) -> RPCError { .init(code: -32_602, kind: "invalid_params", message: message) }

    /// Whether the same question may be answered a little later.
    public var isTransient: Bool { kind == "unavailable" || kind == "deadline_exceeded" }

    public var description: String { "\(kind) (\(code)): \(message)" }
}
