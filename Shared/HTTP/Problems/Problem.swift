import Contracts
import Foundation
public import HTTPTypes
public import Hummingbird
import NIOCore

/// An answer that says what went wrong and what the caller can do about it (RFC 9457).
///
/// `kind` is the stable name that clients switch on; it becomes the `type` `/problems/<kind>`.
public struct Problem: HTTPResponseError, Equatable {
    public var status: HTTPResponse.Status
    public var kind: String
    public var title: String
    public var detail: String?
    public var extensions: [String: ProblemValue]
    public var headers: HTTPFields

    public init(
        _ status: HTTPResponse.Status, kind: String, title: String, detail: String? = nil, extensions: [String: ProblemValue] = [:],
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.extensions = extensions
        self.headers = headers
    }

    public func response(from request: Request, context: some RequestContext) throws -> Response {
        var members = extensions
        members["type"] = .text("/problems/\(kind)")
        members["title"] = .text(title)
        members["status"] = .number(status.code)
        members["detail"] = detail.map(ProblemValue.text)
        members["request_id"] = request.headers[.requestID].map(ProblemValue.text)
        let body = try WireJSON.encoder().encode(members)
        var fields = headers
        fields[.contentType] = "application/problem+json"
        fields[.cacheControl] = "no-store"
        return Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

/// A member that a problem adds to the standard ones.
public enum ProblemValue: Encodable, Sendable, Equatable {
    case text(String)
    case number(Int)
    case list([ProblemValue])
    case object([String: ProblemValue])

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}

extension Problem {
    /// 404: there is none, or the caller may not know that there is.
    public static func notFound(_ what: String) -> Problem {
        Problem(.notFound, kind: "not_found", title: "There is no such \(what).")
    }

    /// 400: the request cannot be understood; `field` names the part.
    public static func invalid(_ detail: String, field: String? = nil) -> Problem {
        Problem(
            .badRequest, kind: "invalid_request", title: "The request is not valid.", detail: detail,
            extensions: field.map { ["field": .text($0)] } ?? [:])
    }

    /// 422: understood, but it cannot be done as things stand.
    public static func unprocessable(kind: String, title: String, detail: String? = nil, extensions: [String: ProblemValue] = [:]) -> Problem {
        Problem(.unprocessableContent, kind: kind, title: title, detail: detail, extensions: extensions)
    }

    /// 409: it stands against something that is there already.
    public static func conflict(kind: String, title: String, detail: String? = nil) -> Problem {
        Problem(.conflict, kind: kind, title: title, detail: detail)
    }

    /// 401: nobody is signed in.
    public static let unauthenticated = Problem(.unauthorized, kind: "unauthenticated", title: "Sign in first.")

    /// 403: signed in, but not allowed to.
    public static func forbidden(_ detail: String) -> Problem {
        Problem(.forbidden, kind: "forbidden", title: "You may not do this.", detail: detail)
    }

    /// 413: the body is larger than this route takes.
    public static func tooLarge(limit: Int) -> Problem {
        Problem(.contentTooLarge, kind: "too_large", title: "The request is too large.", detail: "This route takes at most \(limit) bytes.")
    }

    /// 503: the same request may succeed after `seconds`.
    public static func unavailable(retryAfter seconds: Int = 2) -> Problem {
        Problem(
            .serviceUnavailable, kind: "unavailable", title: "This part of the service is not available at the moment.",
            detail: "Nothing was lost; try again in \(seconds) seconds.", headers: [.retryAfter: String(seconds)])
    }

    /// 500: our fault; the log knows more under the request id.
    public static let internalError = Problem(
        .internalServerError, kind: "internal", title: "Something went wrong on our side.", detail: "The request id helps us find out what.")
}

extension HTTPField.Name {
    /// Made by the gateway for each request.
    public static let requestID = Self("X-Request-ID")!
    public static let identityToken = Self("X-Identity-Token")!
    public static let realAddress = Self("X-Real-IP")!
    public static let traceparent = Self("traceparent")!
    public static let idempotencyKey = Self("Idempotency-Key")!
}
