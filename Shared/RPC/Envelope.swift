import Contracts
import Foundation

/// The `id` of a JSON-RPC request, given back as it came.
enum RequestIdentifier: Codable, Equatable, Sendable {
    case text(String)
    case number(Int64)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        }
    }
}

/// What every request says, whatever it asks: read first, so that an error can be answered under the right id.
struct RequestHeader: Decodable {
    let jsonrpc: String
    let id: RequestIdentifier
    let method: String
}

/// A typed request: `{"jsonrpc":"2.0","id":…,"method":…,"params":{…}}`.
struct RequestEnvelope<Method: RPCMethod>: Codable {
    var jsonrpc = "2.0"
    let id: RequestIdentifier
    let method: String
    let params: Method
}

/// The part of a request that a handler needs.
struct RequestParams<Method: RPCMethod>: Decodable {
    let params: Method
}

/// An answer: a result or an error, never both.
struct ResponseEnvelope<Result: Codable & Sendable>: Codable {
    struct Failure: Codable {
        struct Details: Codable {
            let kind: String
        }
        let code: Int
        let message: String
        let data: Details?

        init(_ error: RPCError) {
            code = error.code
            message = error.message
            data = Details(kind: error.kind)
        }

        var rpcError: RPCError { RPCError(code: code, kind: data?.kind ?? "unknown", message: message) }
    }

    var jsonrpc = "2.0"
    var id: RequestIdentifier?
    var result: Result?
    var error: Failure?
}

/// Encodes an error under the request's id, null where that could not be read.
func encodeFailure(_ error: RPCError, id: RequestIdentifier?) -> [UInt8] {
    let envelope = ResponseEnvelope<Empty>(id: id, result: nil, error: .init(error))
    return (try? WireJSON.encoder().encode(envelope)).map { [UInt8]($0) } ?? Array(#"{"jsonrpc":"2.0","id":null}"#.utf8)
}

extension RPCError {
    /// Names what is missing or wrong, never its value: `auth.verifySession: missing params.token`.
    static func invalidParams(_ method: String, _ error: DecodingError) -> RPCError {
        func path(_ keys: [any CodingKey]) -> String {
            keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return .invalidParams("\(method): missing \(path(context.codingPath + [key]))")
        case .valueNotFound(_, let context): return .invalidParams("\(method): \(path(context.codingPath)) must not be null")
        case .typeMismatch(_, let context), .dataCorrupted(let context):
            return .invalidParams("\(method): \(path(context.codingPath)) has the wrong form")
        @unknown default: return .invalidParams("\(method): the params have the wrong form")
        }
    }
}
