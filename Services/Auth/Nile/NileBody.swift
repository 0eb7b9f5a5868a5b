import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// The fields of a request of Nile's SDK, which sends one and the same body as JSON here and as a form there.
struct NileBody: Sendable {
    static let limit = 16 * 1024

    private let fields: [String: String]
    /// Whether it came as JSON, which no form of another site can send.
    let isJSON: Bool

    subscript(name: String) -> String? { fields[name] }

    /// Reads the body; problems 415 (another type), 413 (too large) and 400 (not such a body). Of a form's fields with one name the first counts.
    ///
    /// Values are text, numbers and flags; null is as good as absent. Of the fields in `lists` a list with one text counts as that text.
    static func read(_ request: Request, lists: Set<String> = []) async throws -> NileBody {
        let type = request.headers[.contentType]?.split(separator: ";").first.map { $0.lowercased().trimmingCharacters(in: .whitespaces) }
        guard let type, type == "application/json" || type == "application/x-www-form-urlencoded" else {
            // A DELETE or a sign-out may come without a body; then there is nothing to have a type.
            let data = try await request.bytes(limit: limit)
            guard data.isEmpty, request.headers[.contentType] == nil else { throw unsupported }
            return NileBody(fields: [:], isJSON: false)
        }
        let data = try await request.bytes(limit: limit)
        let isJSON = type == "application/json"
        return NileBody(fields: try isJSON ? json(data, lists: lists) : form(data), isJSON: isJSON)
    }

    private static func json(_ data: Data, lists: Set<String>) throws(Problem) -> [String: String] {
        guard !data.isEmpty else { return [:] }
        do throws(JSONScan.Fault) {
            try JSONScan.check(data)
        } catch {
            throw Problem(error)
        }
        let members: [String: Scalar]
        do {
            members = try JSONDecoder().decode([String: Scalar].self, from: data)
        } catch {
            throw Problem.invalid("The body is not a JSON object of plain values.")
        }
        var fields: [String: String] = [:]
        for (name, member) in members {
            switch member {
            case .absent: continue
            case .text(let value): fields[name] = value
            case .single(let value):
                guard lists.contains(name) else { throw Problem.invalid("The body is not a JSON object of plain values.") }
                fields[name] = value
            }
        }
        return fields
    }

    private static func form(_ data: Data) throws(Problem) -> [String: String] {
        guard let text = String(bytes: data, encoding: .utf8) else { throw Problem.invalid("The form is not UTF-8.") }
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(sides[0]), let value = decoded(sides.count == 2 ? sides[1] : "") else {
                throw Problem.invalid("The form is not one.")
            }
            guard fields.updateValue(value, forKey: name) == nil else { throw Problem.invalid("A field stands twice in the form.") }
        }
        return fields
    }

    /// Nil when a percent sign leads to no byte.
    private static func decoded(_ text: Substring) -> String? {
        text.replacingOccurrences(of: "+", with: " ").removingPercentEncoding
    }

    private static let unsupported = Problem(
        .unsupportedMediaType, kind: "unsupported_media_type", title: "This route takes JSON or a form.",
        detail: "Send Content-Type: application/json or application/x-www-form-urlencoded.")

    /// One value of a JSON body.
    private enum Scalar: Decodable {
        case absent
        case text(String)
        case single(String)

        init(from decoder: any Decoder) throws {
            if var list = try? decoder.unkeyedContainer() {
                self = .single(try list.decode(String.self))
                guard list.isAtEnd else {
                    throw DecodingError.dataCorruptedError(in: list, debugDescription: "more than one value")
                }
                return
            }
            let value = try decoder.singleValueContainer()
            if value.decodeNil() {
                self = .absent
            } else if let flag = try? value.decode(Bool.self) {
                self = .text(flag ? "true" : "false")
            } else if let number = try? value.decode(Int64.self) {
                self = .text(String(number))
            } else {
                self = .text(try value.decode(String.self))
            }
        }
    }
}
