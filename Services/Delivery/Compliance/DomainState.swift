import Contracts

/// What is known of a sending domain, as the compliance check needs it; whoever keeps domains fills it in.
struct DomainState: Sendable, Equatable {
    /// What a record was found to be.
    enum Finding: Sendable, Equatable {
        case pass
        /// With what is wrong, as a sentence's part.
        case fail(String)
        /// Nobody has looked, or nobody answered.
        case unknown(String)
    }

    struct Key: Sendable, Equatable {
        let selector: String
        let algorithm: DKIMPublication.Algorithm
        /// Of an RSA key; nil for others.
        let bits: Int?
        let isPublished: Bool
    }

    struct DMARC: Sendable, Equatable {
        enum Policy: String, Sendable {
            case none, quarantine, reject
        }

        let finding: Finding
        let policy: Policy?
        /// Whether a signature must be of the very domain (`adkim=s`), and the envelope's too (`aspf=s`).
        let isStrictDKIM: Bool
        let isStrictSPF: Bool
    }

    enum Signing: Sendable, Equatable {
        /// We sign, under this domain.
        case ours(String)
        /// The provider that sends signs, under this domain where it is known.
        case providers(String?)
        case nobody
    }

    var spf: Finding
    /// The domain of the envelope's sender; nil where the provider chooses it.
    var envelopeDomain: String?
    var signing: Signing
    var keys: [Key]
    var dmarc: DMARC
    /// Where tracked links lead; nil without tracking of its own.
    var trackingDomain: String?
    /// Where they would lead, if it had a certificate.
    var uncertifiedTrackingDomain: String?
    /// Whether the operator of this installation runs the server that sends: then what is asked of servers is asked of us.
    var isServerOurs: Bool
    var pointer: Finding
    var tls: Finding

    /// Of a domain that nobody has looked at.
    static let unknown = DomainState(
        spf: .unknown("the domain has not been added and checked"), envelopeDomain: nil, signing: .providers(nil), keys: [],
        dmarc: DMARC(
            finding: .unknown("the domain has not been added and checked"), policy: nil, isStrictDKIM: false, isStrictSPF: false),
        trackingDomain: nil, isServerOurs: false, pointer: .unknown("nobody has looked"), tls: .unknown("nobody has looked"))
}

/// What a domain has to do with another, as DMARC sees it.
enum DomainAlignment {
    /// The registered domain of a name, which DMARC finds by its tree walk: the area that keeps domains says it; by itself, one name under another.
    static func isRelaxed(_ one: String, _ other: String) -> Bool {
        let (one, other) = (one.lowercased(), other.lowercased())
        return one == other || one.hasSuffix(".\(other)") || other.hasSuffix(".\(one)")
    }

    static func isStrict(_ one: String, _ other: String) -> Bool { one.lowercased() == other.lowercased() }
}
