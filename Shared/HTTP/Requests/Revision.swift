import Foundation
public import HTTPTypes
public import Hummingbird

/// The number that is raised with each change of a thing, as HTTP knows it: sent as an `ETag`, asked for as `If-Match`, so that nobody overwrites
/// what somebody else changed meanwhile (RFC 9110, section 13).
public struct Revision: Sendable, Equatable {
    public let number: Int64

    public init(_ number: Int64) {
        self.number = number
    }

    /// What the request's `If-Match` names, nil for `*`; a 428 problem when it is missing, a 400 when it is not one of ours.
    public static func required(by request: Request) throws(Problem) -> Revision? {
        guard let text = request.headers[.ifMatch]?.trimmingCharacters(in: .whitespaces) else {
            throw Problem(
                .preconditionRequired, kind: "revision_required", title: "Say which version you changed.",
                detail: "Send If-Match with the ETag that you read.")
        }
        if text == "*" { return nil }
        // The gateway marks the tag of an answer that it compressed as weak; the number is the same.
        let tag = text.hasPrefix("W/") ? text.dropFirst(2) : text[...]
        guard tag.hasPrefix("\""), tag.hasSuffix("\""), let number = Int64(tag.dropFirst().dropLast()) else {
            throw Problem.invalid("If-Match must be an ETag that this server gave.", field: "If-Match")
        }
        return Revision(number)
    }

    /// Throws the problem 412 unless it is what the request asked for.
    public func check(_ expected: Revision?) throws(Problem) {
        guard expected == nil || expected == self else { throw Problem.changedMeanwhile }
    }

    public var header: HTTPFields { [.eTag: "\"\(number)\""] }
}

extension Problem {
    /// 412: somebody changed it since it was read.
    public static let changedMeanwhile = Problem(
        .preconditionFailed, kind: "changed_meanwhile", title: "Somebody changed it meanwhile.", detail: "Read it again and repeat your change.")
}
