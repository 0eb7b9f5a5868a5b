import Foundation
import Primitives

/// Why Stripe did not do what it was asked, in Stripe's own words where it used any.
struct StripeError: TransientError, Sendable, Equatable {
    enum Kind: String, Sendable, CaseIterable {
        /// No key is set: nothing was sent.
        case notConfigured = "not_configured"
        /// Nobody answered, not in time or with a failure of theirs; also when we do not ask for a while because of that.
        case unavailable
        case rateLimited = "rate_limited"
        /// A payment was refused; the customer can do something about it.
        case card
        case invalidRequest = "invalid_request"
        /// The key was used for something else before.
        case idempotency
        /// Our key is wrong, or may not do this.
        case authentication
        case notFound = "not_found"
        /// The answer is of another version of the API than we read.
        case versionMismatch = "version_mismatch"
        /// The answer has another form than we read.
        case decoding
    }

    let kind: Kind
    let status: Int?
    /// Stripe's word for the error, such as `resource_missing`; ours is `breaker_open`.
    let code: String?
    /// Why the bank refused, such as `insufficient_funds`.
    let declineCode: String?
    /// The parameter that is wrong.
    let parameter: String?
    /// For people; may repeat what was sent, so it is never logged.
    let message: String
    /// Stripe's name for the call, to ask their support about.
    let requestID: String?

    init(
        _ kind: Kind, status: Int? = nil, code: String? = nil, declineCode: String? = nil, parameter: String? = nil, message: String,
        requestID: String? = nil
    ) {
        self.kind = kind
        self.status = status
        self.code = code
        self.declineCode = declineCode
        self.parameter = parameter
        self.message = message
        self.requestID = requestID
    }

    /// Whether the same call, under the same key, may succeed a little later without anybody changing anything.
    var isTransient: Bool { kind == .unavailable || kind == .rateLimited }
}

extension StripeError: CustomStringConvertible {
    /// What the log may know: everything but the message.
    var description: String {
        let parts = [status.map(String.init), code, declineCode, parameter.map { "parameter \($0)" }, requestID].compactMap(\.self)
        return "stripe \(kind.rawValue)" + (parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))")
    }
}

extension StripeError {
    /// Stripe's `{"error": {…}}`; whatever is missing or of another form is left out.
    private struct Envelope: Decodable {
        struct Detail: Decodable {
            let type: String?
            let code: String?
            let declineCode: String?
            let param: String?
            let message: String?
        }
        let error: Detail
    }

    /// What an answer that is no success means.
    init(status: Int, body: Data, requestID: String?) {
        let detail = (try? StripeJSON.decoder.decode(Envelope.self, from: body))?.error
        let kind: Kind =
            switch (status, detail?.type, detail?.code) {
            case (429, _, _): .rateLimited
            case (500..., _, _): .unavailable
            // Somebody else is at this object, or this very call is still under way: later it will be free, or answered.
            case (_, _, "lock_timeout"), (_, _, "idempotency_key_in_use"): .unavailable
            case (401, _, _), (403, _, _): .authentication
            case (402, _, _), (_, "card_error", _): .card
            case (_, "idempotency_error", _): .idempotency
            case (404, _, _): .notFound
            default: .invalidRequest
            }
        self.init(
            kind, status: status, code: detail?.code, declineCode: detail?.declineCode, parameter: detail?.param,
            message: detail?.message ?? "Stripe answered \(status).", requestID: requestID)
    }
}
