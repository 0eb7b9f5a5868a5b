import Foundation
import OutgoingHTTP

/// Fetches policy files: over HTTPS, from the one place where they may stand, without redirects, and not more than fits.
struct MTASTSFetcher: Sendable {
    /// Of a file.
    static let largest = 65_536

    struct Failure: Error, Equatable {
        /// `sts-policy-fetch-error`, `sts-policy-invalid` or `sts-webpki-invalid`, as reports call it.
        let result: TLSReportResult
        let reason: String
    }

    let http: OutgoingHTTP
    let reach: OutgoingReach
    /// 443 but in tests.
    var port = 443

    func fetch(_ domain: String) async throws(Failure) -> MTASTSPolicy {
        let answer: OutgoingAnswer
        do throws(OutgoingError) {
            let place = port == 443 ? "" : ":\(port)"
            let address = try OutgoingAddress("https://mta-sts.\(domain)\(place)/.well-known/mta-sts.txt", reach: reach)
            answer = try await http.send(OutgoingRequest(getting: address))
        } catch {
            switch error.code {
            case .encryption: throw Failure(result: .policyServerUntrusted, reason: "no trusted connection to the policy's server")
            default: throw Failure(result: .policyFetchFailed, reason: "the policy's server cannot be reached")
            }
        }
        guard answer.status == 200 else { throw Failure(result: .policyFetchFailed, reason: "the policy's server answered \(answer.status)") }
        guard !answer.isCut, answer.body.count <= Self.largest, let text = String(data: answer.body, encoding: .utf8) else {
            throw Failure(result: .policyInvalid, reason: "the policy is too long, or no text")
        }
        do throws(MTASTSPolicy.Malformed) {
            return try MTASTSPolicy(file: text)
        } catch {
            throw Failure(result: .policyInvalid, reason: error.reason)
        }
    }
}
