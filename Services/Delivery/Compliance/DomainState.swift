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
    /// The domain of the organisation, as DMARC's walk from this domain found it; nil where nobody has walked, or DNS did not answer.
    var organisation: String?

    /// Of a domain that nobody has looked at.
    static let unknown = DomainState(
        spf: .unknown("the domain has not been added and checked"), envelopeDomain: nil, signing: .providers(nil), keys: [],
        dmarc: DMARC(
            finding: .unknown("the domain has not been added and checked"), policy: nil, isStrictDKIM: false, isStrictSPF: false),
        trackingDomain: nil, isServerOurs: false, pointer: .unknown("nobody has looked"), tls: .unknown("nobody has looked"))
}

/// What a domain has to do with another, as DMARC sees it (RFC 9989).
enum DomainAlignment {
    /// Both are of the organisation that the walk from the author's domain found. Without one nothing but the same name is certain.
    ///
    /// A name below the organisation's counts as its own: that it is an organisation of its own, by `psd=n`, only a walk from there would tell.
    static func isRelaxed(_ name: String, with author: String, organisation: String?) -> Bool {
        if isStrict(name, author) { return true }
        guard let organisation else { return false }
        return isWithin(name, organisation) && isWithin(author, organisation)
    }

    static func isStrict(_ one: String, _ other: String) -> Bool { one.lowercased() == other.lowercased() }

    /// Whether a name is another, or stands below it.
    static func isWithin(_ name: String, _ other: String) -> Bool {
        isStrict(name, other) || name.lowercased().hasSuffix(".\(other.lowercased())")
    }
}
