/// Where a request stands in a trace (W3C Trace Context, version 00).
public struct TraceParent: Sendable, Equatable {
    public let traceIdentifier: String
    public let spanIdentifier: String
    let flags: UInt8

    /// Nil unless `text` is `00-<32 hex>-<16 hex>-<2 hex>` with identifiers that are not all zero.
    public init?(parsing text: String?) {
        guard let text, text.utf8.count == 55 else { return nil }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, parts[0] == "00", Self.isHexadecimal(parts[1], 32), Self.isHexadecimal(parts[2], 16),
            Self.isHexadecimal(parts[3], 2), let flags = UInt8(parts[3], radix: 16), parts[1].contains(where: { $0 != "0" }),
            parts[2].contains(where: { $0 != "0" })
        else { return nil }
        (traceIdentifier, spanIdentifier, self.flags) = (parts[1], parts[2], flags)
    }

    private init(trace: String, span: String = TraceParent.random(words: 1), flags: UInt8) {
        traceIdentifier = trace
        spanIdentifier = span
        self.flags = flags
    }

    /// A trace of its own.
    public static func root(isSampled: Bool = true) -> TraceParent { TraceParent(trace: random(words: 2), flags: isSampled ? 1 : 0) }

    /// The next step of this trace.
    public func child() -> TraceParent { TraceParent(trace: traceIdentifier, flags: flags) }

    /// The same, kept only if it is among the `share` of all traces, from 0 to 1, that are: every service decides alike, by the trace's identifier.
    func sampled(share: Double) -> TraceParent {
        let place = Double(UInt32(traceIdentifier.suffix(8), radix: 16) ?? 0) / 4_294_967_296
        return TraceParent(trace: traceIdentifier, span: spanIdentifier, flags: place < share ? flags : flags & ~1)
    }

    /// Whether whoever began it wants its steps to be kept.
    public var isSampled: Bool { flags & 1 == 1 }

    public var text: String { "00-\(traceIdentifier)-\(spanIdentifier)-\(flags < 16 ? "0" : "")\(String(flags, radix: 16))" }

    private static func isHexadecimal(_ text: String, _ length: Int) -> Bool {
        text.utf8.count == length && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Sixteen digits a word, not all of them zero.
    private static func random(words: Int) -> String {
        (0..<words).map { _ in
            let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
