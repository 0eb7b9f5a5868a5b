import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore

/// A JSON value of the Nile contract, whose names are in camel case and whose absent values are null: ``WireJSON`` does neither.
enum NileValue: Encodable, Sendable, Equatable {
    case null
    case text(String)
    case flag(Bool)
    case list([NileValue])
    case object([String: NileValue])

    static func optional(_ text: String?) -> NileValue { text.map(NileValue.text) ?? .null }

    static func instant(_ date: Date?) -> NileValue { .optional(date.map(WireJSON.format)) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .text(let value): try container.encode(value)
        case .flag(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}

/// Answers as Nile gives them.
enum NileAnswer {
    /// Both ways in: the browser's SDK calls the first, the server's SDK the second, with whatever name of a database it was given.
    static let prefixes = ["/api", "/v2/databases/{db}"]

    static func json(_ value: NileValue, status: HTTPResponse.Status = .ok, cookies: [String] = [], location: String? = nil) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        headers[values: .setCookie] = cookies
        headers[.location] = location
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
    }

    /// A short sentence, which Nile's pages show as it is.
    static func text(_ sentence: String, status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
        var fields = headers
        fields[.contentType] = "text/plain; charset=utf-8"
        fields[.cacheControl] = "no-store"
        return Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(string: sentence)))
    }

    static func empty(_ status: HTTPResponse.Status, cookies: [String] = [], location: String? = nil) -> Response {
        var headers: HTTPFields = [.cacheControl: "no-store"]
        headers[values: .setCookie] = cookies
        headers[.location] = location
        return Response(status: status, headers: headers)
    }

    /// Turns what this service refuses into a sentence; our own faults stay for the middleware that logs them.
    static func plainly(_ work: () async throws -> Response) async throws -> Response {
        do {
            return try await busyIsUnavailable(work)
        } catch let problem as Problem {
            return text(problem.detail ?? problem.title, status: problem.status, headers: problem.headers)
        } catch let error as MembershipError {
            let problem = MemberRoutes.problem(error)
            return text(problem.detail ?? problem.title, status: problem.status)
        }
    }
}

/// Addresses that an answer sends a browser to.
struct NileAddresses: Sendable {
    /// `https://host[:port]`, our own.
    let origin: String

    /// What the client asked for when it lies with us, else `fallback`: whoever makes somebody follow a link must not choose where it ends.
    func callback(_ asked: String?, otherwise fallback: String = "/") -> String {
        let base = origin + fallback
        // Browsers read a backslash as a slash and skip control characters, so what has one is never ours.
        guard let asked, asked.utf8.count <= 2_000, asked.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            return base
        }
        if asked.hasPrefix("/"), !asked.hasPrefix("//") { return origin + asked }
        guard let url = URL(string: asked), url.user() == nil, url.password() == nil, url.origin == origin else { return base }
        // `https://ours@evil` and the like have an origin of their own; this holds against parsers that disagree with browsers.
        guard asked == origin || ["/", "?", "#"].contains(where: { asked.hasPrefix(origin + $0) }) else { return base }
        return asked
    }

    /// The page that says why signing in failed. Absolute, because Nile's client parses it.
    func failure(_ reason: String) -> String {
        let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return "\(origin)/api/auth/error?error=\(reason.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "")"
    }

    var crossSite: String { "\(origin)/api/auth/signin?csrf=true&error=csrf" }
}
