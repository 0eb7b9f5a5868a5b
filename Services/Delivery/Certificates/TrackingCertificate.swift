import Contracts
import Foundation

/// How the certificate of a tracking host stands.
struct TrackingCertificate: Sendable, Equatable {
    enum State: String, Sendable, Codable {
        /// The host's CNAME is not proven.
        case waiting
        /// Proven: ordered next, or being ordered.
        case ordered
        case issued
        /// Tried, and tried again later.
        case failing
    }

    let host: String
    let domain: DomainID
    var state: State
    var attempts = 0
    var failure: CertificateFailure.Noted?
    /// The directory of the authority that issued it.
    var authority: String?
    var issuedAt: Date?
    var expiresAt: Date?
    var renewAt: Date?
    /// From then on every gateway has it.
    var usableFrom: Date?
    /// When it is ordered next; nil: not by itself.
    var nextAt: Date?

    /// Mail gets links under the host no sooner than this after it was issued: by then every gateway has the certificate.
    static let settling: TimeInterval = 60

    /// Whether links under the host open.
    func isValid(at now: Date) -> Bool {
        (state == .issued || state == .failing) && (expiresAt.map { $0 > now } ?? false)
    }
}

extension TrackingCertificate {
    /// As the domain's owner sees it.
    struct View: Encodable, Sendable, Equatable {
        enum Word: String, Encodable, Sendable {
            /// Nobody certifies tracking hosts here.
            case off
            case waiting, ordered, issued, failing
        }

        let host: String
        let state: Word
        /// How it stands, in a sentence.
        let detail: String
        /// Whether links of mail that is sent now stand under the host.
        let isUsed: Bool
        let issuedAt: Date?
        let expiresAt: Date?
        let renewsAt: Date?
        let nextAttemptAt: Date?
    }

    /// `authority`: the directory that issues now; nil when none does.
    func view(at now: Date, authority: String?) -> View {
        let isOurs = authority != nil && self.authority == authority
        let isValid = isValid(at: now)
        let word: View.Word =
            switch state {
            case _ where authority == nil: .off
            case .waiting: .waiting
            case .ordered: .ordered
            case .issued: !isValid ? .failing : isOurs ? .issued : .ordered
            case .failing: .failing
            }
        return View(
            host: host, state: word, detail: detail(word, isOurs), isUsed: isOurs && isUsed(at: now), issuedAt: issuedAt, expiresAt: expiresAt,
            renewsAt: word == .issued ? renewAt : nil, nextAttemptAt: word == .failing || word == .ordered ? nextAt : nil)
    }

    private func isUsed(at now: Date) -> Bool {
        state == .issued && isValid(at: now) && (usableFrom.map { $0 <= now } ?? false)
    }

    private func detail(_ word: View.Word, _ isOurs: Bool) -> String {
        switch word {
        case .off: "This installation orders no certificates; links stand under the platform's own host."
        case .waiting: "The CNAME of \(host) is not proven; until it is, links stand under the platform's own host."
        case .ordered: "The CNAME of \(host) is proven, and its certificate is being ordered; until then links stand under the platform's own host."
        case .issued:
            failure.map { "The certificate is valid. It could not be renewed yet: \($0.words)" } ?? "The certificate is valid, and renewed by itself."
        case .failing: "There is no valid certificate yet, so links stand under the platform's own host. \(failure?.words ?? "It is tried again.")"
        }
    }

    /// Of a domain whose tracking name was never proven.
    static func unknown(of domain: DomainID, named name: String) -> TrackingCertificate {
        TrackingCertificate(host: TrackingCheck.name(of: name), domain: domain, state: .waiting)
    }
}
