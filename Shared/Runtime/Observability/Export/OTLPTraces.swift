import Contracts
import Foundation
import Primitives

/// The body of an export by OTLP/HTTP in its JSON form (opentelemetry-proto 1.0: identifiers in hexadecimal, numbers of 64 bits as text).
struct OTLPTraces: Encodable, Sendable {
    struct Attribute: Encodable {
        let key: String
        let value: Value
    }

    struct Value: Encodable {
        var stringValue: String?
        var intValue: String?

        init(_ value: SpanValue) {
            switch value {
            case .text(let text): stringValue = text
            case .number(let number): intValue = String(number)
            }
        }
    }

    struct Status: Encodable {
        /// 0: not said, 2: error.
        let code: Int
        let message: String?
    }

    struct Item: Encodable {
        let traceId: String
        let spanId: String
        let parentSpanId: String?
        let name: String
        let kind: Int
        let startTimeUnixNano: String
        let endTimeUnixNano: String
        let attributes: [Attribute]
        let status: Status
    }

    struct Scope: Encodable {
        let name: String
    }

    struct ScopeSpans: Encodable {
        let scope: Scope
        let spans: [Item]
    }

    struct Resource: Encodable {
        let attributes: [Attribute]
    }

    struct ResourceSpans: Encodable {
        let resource: Resource
        let scopeSpans: [ScopeSpans]
    }

    let resourceSpans: [ResourceSpans]

    /// `resource` says who sends them: `service.name` at least.
    init(_ spans: [Span], resource: [String: String]) {
        let attributes = resource.sorted { $0.key < $1.key }.map { Attribute(key: $0.key, value: Value(.text($0.value))) }
        resourceSpans = [
            ResourceSpans(
                resource: Resource(attributes: attributes),
                scopeSpans: [ScopeSpans(scope: Scope(name: "penguinmails"), spans: spans.map(Self.item))])
        ]
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }

    private static func item(_ span: Span) -> Item {
        Item(
            traceId: span.position.traceIdentifier, spanId: span.position.spanIdentifier, parentSpanId: span.parent, name: span.name,
            kind: span.kind.rawValue, startTimeUnixNano: nanoseconds(span.start), endTimeUnixNano: nanoseconds(span.end),
            attributes: span.attributes.sorted { $0.key < $1.key }.map { Attribute(key: $0.key, value: Value($0.value)) },
            status: Status(code: span.failure == nil ? 0 : 2, message: span.failure))
    }

    private static func nanoseconds(_ instant: Date) -> String {
        String(UInt64(max(0, (instant.timeIntervalSince1970 * 1_000_000).rounded())) * 1_000)
    }
}
