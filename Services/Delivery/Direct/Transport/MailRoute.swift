import Foundation
import Mail

/// Where mail for a domain goes, and how private the way has to be: what DNS and the domain's policies said, as a value.
struct MailRoute: Sendable, Equatable {
    /// A server that takes the domain's mail.
    struct Host: Sendable, Hashable {
        let name: String
        /// In digits, in the order in which they are tried.
        var addresses: [String]
        var security = HostSecurity()
    }

    enum Way: Sendable, Equatable {
        /// By preference; those of one group are alike.
        case hosts([[Host]])
        /// Nobody there will ever take mail.
        case refused(code: Int, text: String)
        /// Nobody knows at this moment.
        case unknown(text: String)
    }

    let way: Way
    /// What the policy that holds for the domain says, for reports.
    var policyText = TLSReportCounts.Text()
}

/// What mail to one server is held to.
struct HostSecurity: Sendable, Hashable {
    /// Why a server is not spoken to at all.
    enum Exclusion: Sendable, Hashable {
        /// The domain's policy does not name it.
        case notInPolicy
        /// Nobody can say whether its zone publishes certificates.
        case tlsaUnknown
    }

    var type = TLSPolicyType.none
    var encryption = SMTPRelay.Encryption.offered
    var check: PeerCheck?
    var isBinding = false
    var exclusion: Exclusion?
    /// Counted with each session, which goes on.
    var isOutsideTestedPolicy = false
    /// As the zone has them.
    var tlsa: [TLSARecord] = []

    /// DANE goes before MTA-STS where the server's zone has any records: a policy of the domain must not make good what they refuse (RFC 8461, 2).
    ///
    /// - Parameters:
    ///   - tlsa: What the zone of the server publishes, vouched for by DNSSEC; nil where that is not so, or nothing is there.
    ///   - isTLSAUnknown: The zone is signed, and its answer about TLSA did not come or proves nothing.
    static func of(
        _ host: String, domain: String, tlsa: [TLSARecord]?, isTLSAUnknown: Bool = false, policy: MTASTSPolicy?
    ) -> HostSecurity {
        if isTLSAUnknown { return HostSecurity(type: .dane, encryption: .required, exclusion: .tlsaUnknown) }
        if let tlsa, !tlsa.isEmpty {
            let usable = tlsa.filter(\.isUsable)
            // Records of which none can be used still say that the server encrypts (RFC 7672, 2.2).
            guard !usable.isEmpty else { return HostSecurity(type: .dane, encryption: .required, tlsa: tlsa) }
            return HostSecurity(type: .dane, encryption: .required, check: .dane(usable, names: [host, domain]), isBinding: true, tlsa: tlsa)
        }
        guard let policy, policy.mode != .none else { return HostSecurity() }
        let isNamed = policy.names(host)
        switch policy.mode {
        case .enforce where !isNamed: return HostSecurity(type: .mtaSTS, encryption: .required, exclusion: .notInPolicy)
        case .enforce: return HostSecurity(type: .mtaSTS, encryption: .required, check: .authorities(names: [host]), isBinding: true)
        case .testing, .none:
            return HostSecurity(type: .mtaSTS, check: .authorities(names: [host]), isOutsideTestedPolicy: !isNamed)
        }
    }
}
