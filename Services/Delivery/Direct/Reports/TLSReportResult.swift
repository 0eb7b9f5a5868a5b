import Mail

/// What a session with another server came to, in the words of RFC 8460, 4.3.
enum TLSReportResult: String, Sendable, Codable, CaseIterable {
    /// As the policy wants it.
    case success = ""
    case startTLSNotSupported = "starttls-not-supported"
    case certificateHostMismatch = "certificate-host-mismatch"
    case certificateExpired = "certificate-expired"
    case certificateNotTrusted = "certificate-not-trusted"
    case validationFailure = "validation-failure"
    case tlsaInvalid = "tlsa-invalid"
    case dnssecInvalid = "dnssec-invalid"
    case policyFetchFailed = "sts-policy-fetch-error"
    case policyInvalid = "sts-policy-invalid"
    case policyServerUntrusted = "sts-webpki-invalid"

    init(_ problem: SMTPEncryptionProblem) {
        self =
            switch problem {
            case .notOffered: .startTLSNotSupported
            case .handshake: .validationFailure
            case .certificate(.expired): .certificateExpired
            case .certificate(.hostMismatch): .certificateHostMismatch
            case .certificate(.notTrusted): .certificateNotTrusted
            case .certificate(.notPublished), .certificate(.unreadable): .validationFailure
            }
    }
}

/// Which kind of policy a session was held to.
enum TLSPolicyType: String, Sendable, Codable, CaseIterable {
    case dane = "tlsa"
    case mtaSTS = "sts"
    case none = "no-policy-found"
}
