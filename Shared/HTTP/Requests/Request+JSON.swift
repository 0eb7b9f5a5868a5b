import Contracts
public import Foundation
import HTTPTypes
public import Hummingbird
import NIOCore
import NIOFoundationCompat

extension Request {
    /// The body as JSON; problems 415 (another content type), 413 (more than `limit` bytes) and 400 (naming the field).
    public func json<Value: Decodable>(_ type: Value.Type, limit: Int = 64 * 1024) async throws -> Value {
        try requireJSON()
        return try Self.decode(type, from: try await bytes(limit: limit))
    }

    /// As ``json(_:limit:)`` where the body may be left out; nil without one, whatever content type was sent.
    public func optionalJSON<Value: Decodable>(_ type: Value.Type, limit: Int = 64 * 1024) async throws -> Value? {
        let body = try await bytes(limit: limit)
        return body.isEmpty ? nil : try decode(type, from: body)
    }

    /// As ``json(_:limit:)``, of a body that was read before: for routes that look at it twice, or for which it is optional.
    public func decode<Value: Decodable>(_ type: Value.Type, from body: Data) throws(Problem) -> Value {
        try requireJSON()
        return try Self.decode(type, from: body)
    }

    private func requireJSON() throws(Problem) {
        guard let contentType = headers[.contentType], contentType.lowercased().hasPrefix("application/json") else {
            throw Problem(
                .unsupportedMediaType, kind: "unsupported_media_type", title: "This route takes JSON.",
                detail: "Send Content-Type: application/json.")
        }
    }

    /// The whole body, or a 413 problem.
    public func bytes(limit: Int) async throws -> Data {
        if let length = headers[.contentLength].flatMap(Int.init), length > limit { throw Problem.tooLarge(limit: limit) }
        var body = Data()
        for try await var part in self.body {
            guard body.count + part.readableBytes <= limit else { throw Problem.tooLarge(limit: limit) }
            body.append(part.readData(length: part.readableBytes) ?? Data())
        }
        return body
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from body: Data) throws(Problem) -> Value {
        do throws(JSONScan.Fault) {
            try JSONScan.check(body)
        } catch {
            throw Problem(error)
        }
        do {
            return try WireJSON.decoder().decode(type, from: body)
        } catch let error as DecodingError {
            throw Problem(decoding: error)
        } catch {
            throw Problem.invalid("The body is not JSON.")
        }
    }
}

extension Problem {
    /// What a body has that no JSON of ours has.
    public init(_ fault: JSONScan.Fault) {
        self =
            switch fault {
            case .duplicateName(let name): .invalid("A name stands twice in one object.", field: String(name.prefix(64)))
            case .containsNUL: .invalid("The body contains the character NUL, which no field takes.")
            case .tooDeep: .invalid("The body is nested deeper than \(JSONScan.maximumDepth).")
            }
    }

    /// Says which field is missing or of the wrong form; never repeats the value.
    init(decoding error: DecodingError) {
        func path(_ keys: [any CodingKey]) -> String {
            keys.map { $0.intValue.map(String.init) ?? $0.stringValue.snakeCased }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            let field = path(context.codingPath + [key])
            self = .invalid("The field \(field) is missing.", field: field)
        case .valueNotFound(_, let context):
            let field = path(context.codingPath)
            self = .invalid("The field \(field) must not be null.", field: field)
        case .typeMismatch(_, let context), .dataCorrupted(let context):
            guard !context.codingPath.isEmpty else {
                self = .invalid("The body is not the JSON that this route takes.")
                return
            }
            let field = path(context.codingPath)
            self = .invalid("The field \(field) has the wrong form.", field: field)
        @unknown default:
            self = .invalid("The body is not the JSON that this route takes.")
        }
    }
}

extension String {
    /// `postalAddress` → `postal_address`, as the key stood on the wire.
    fileprivate var snakeCased: String {
        reduce(into: "") { result, character in
            if character.isUppercase {
                result += "_" + character.lowercased()
            } else {
                result.append(character)
            }
        }
    }
}
