/// Where a request stands in a trace (W3C Trace Context, version 00).
public struct TraceParent: Sendable, Equatable {
    public let traceIdentifier: String
    public let spanIdentifier: String
    let flags: String

    /// Nil unless `text` is `00-<32 hex>-<16 hex>-<2 hex>` with identifiers that are not all zero.
    public init?(parsing text: String?) {
        guard let parts = text?.split(separator: "-", omittingEmptySubsequences: false).map(String.init), parts.count == 4, parts[0] == "00",
            Self.isHexadecimal(parts[1], 32), Self.isHexadecimal(parts[2], 16), Self.isHexadecimal(parts[3], 2),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        (traceIdentifier, spanIdentifier, flags) = (parts[1], parts[2], parts[3])
    }

    private init(trace: String, flags: String) {
        traceIdentifier = trace
        spanIdentifier = Self.random(16)
        self.flags = flags
    }

    /// A trace of its own.
    public static func root() -> TraceParent { TraceParent(trace: random(32), flags: "01") }

    /// The next step of this trace.
    public func child() -> TraceParent { TraceParent(trace: traceIdentifier, flags: flags) }

    public var text: String { "00-\(traceIdentifier)-\(spanIdentifier)-\(flags)" }

    private static func isHexadecimal(_ text: String, _ length: Int) -> Bool {
        text.utf8.count == length && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func random(_ length: Int) -> String {
        String((0..<length).map { _ in "0123456789abcdef".randomElement() ?? "1" })
    }
}
