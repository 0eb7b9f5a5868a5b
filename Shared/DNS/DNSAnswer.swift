/// A kind of record that is asked for.
public enum DNSRecordType: Int, Sendable, CaseIterable {
    case a = 1
    case ns = 2
    case cname = 5
    case ptr = 12
    case mx = 15
    case txt = 16
    case aaaa = 28
    case tlsa = 52
}

/// One record's content. Names are lower case, without the dot at their end; the root is the empty name.
public enum DNSRecord: Sendable, Hashable {
    /// An address in digits, of IPv4 or IPv6.
    case address(String)
    case name(String)
    case mailServer(preference: Int, host: String)
    /// The record's strings joined, as SPF, DKIM and DMARC read them.
    case text(String)
    case certificate(usage: Int, selector: Int, matching: Int, data: [UInt8])
}

/// Why nobody knows what is published; another time it may be known.
public enum DNSFailure: Error, Sendable, Hashable {
    /// The server says that it cannot say (SERVFAIL, REFUSED …).
    case server(code: Int)
    /// Nobody answered in time.
    case timeout
    /// The answer is damaged.
    case malformed
    /// More questions wait than this process takes in hand.
    case overloaded
}

/// What DNS says to one question.
public struct DNSAnswer: Sendable, Hashable {
    public enum Outcome: Sendable, Hashable {
        /// At least one.
        case records([DNSRecord])
        case noSuchDomain
        /// The name exists, without a record of the kind.
        case noSuchRecord
        case failed(DNSFailure)
    }

    public let outcome: Outcome
    /// The names that led to the records, when the name asked for is an alias.
    public let aliases: [String]
    /// Seconds; the shortest of the records', 0 without any.
    public let ttl: Int
    /// The resolver vouches for it by DNSSEC.
    public let isAuthentic: Bool

    public init(_ outcome: Outcome, aliases: [String] = [], ttl: Int = 0, isAuthentic: Bool = false) {
        self.outcome = outcome
        self.aliases = aliases
        self.ttl = ttl
        self.isAuthentic = isAuthentic
    }

    /// None when there are none for certain; throws when nobody knows.
    public func records() throws(DNSFailure) -> [DNSRecord] {
        switch outcome {
        case .records(let records): records
        case .noSuchDomain, .noSuchRecord: []
        case .failed(let failure): throw failure
        }
    }
}

extension [DNSRecord] {
    public var texts: [String] { compactMap { if case .text(let text) = $0 { text } else { nil } } }
    public var names: [String] { compactMap { if case .name(let name) = $0 { name } else { nil } } }
    public var addresses: [String] { compactMap { if case .address(let address) = $0 { address } else { nil } } }
}
