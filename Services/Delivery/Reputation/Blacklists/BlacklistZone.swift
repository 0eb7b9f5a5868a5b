/// A DNS blacklist that the operator has configured: how a question to it is spelled, and what its answer means (RFC 5782).
struct BlacklistZone: Sendable, Equatable {
    enum Kind: String, Sendable, Codable {
        /// Asked about a server's address.
        case ip
        /// Asked about a domain.
        case domain
    }

    enum Verdict: Sendable, Equatable {
        case clean
        case listed(codes: [String], meaning: String?)
        /// The zone did not say; nobody may conclude a listing from it.
        case unknown(String)
    }

    let kind: Kind
    let name: String

    /// The names of a setting, apart by commas or blanks; nil for one that is no host name.
    static func parse(_ setting: String, _ kind: Kind) -> [BlacklistZone]? {
        var zones: [BlacklistZone] = []
        for part in setting.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            var name = part.lowercased()
            if name.hasSuffix(".") { name.removeLast() }
            guard isHost(name) else { return nil }
            if !zones.contains(where: { $0.name == name }) { zones.append(BlacklistZone(kind: kind, name: name)) }
        }
        return zones
    }

    private static func isHost(_ name: String) -> Bool {
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.count >= 2 && name.utf8.count <= 200
            && labels.allSatisfy { label in
                (1...63).contains(label.count)
                    && label.allSatisfy { $0 == 0x2D || $0 == 0x5F || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
            }
    }

    /// The name to ask for: the subject before the zone, an address with its parts reversed; nil for what is neither.
    func question(about subject: String) -> String? {
        switch kind {
        case .domain:
            let domain = subject.lowercased()
            guard Self.isHost(domain), domain.utf8.count + name.utf8.count < 253 else { return nil }
            return "\(domain).\(name)"
        case .ip:
            let parts = subject.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts.allSatisfy({ UInt8($0) != nil }) else { return nil }
            return "\(parts.reversed().joined(separator: ".")).\(name)"
        }
    }

    /// What no working zone lists: the answer tells one that lists the whole world, or that is no blacklist any more.
    var neverListed: String { kind == .ip ? "1.0.0.127.\(name)" : "invalid.\(name)" }

    private var isSpamhaus: Bool { name == "spamhaus.org" || name.hasSuffix(".spamhaus.org") || name.hasSuffix(".spamhaus.net") }

    /// What the answer says; nil is a question that got none, an empty one that there is no such name.
    func verdict(_ answer: [String]?) -> Verdict {
        guard let answer else { return .unknown("the zone could not be asked") }
        guard !answer.isEmpty else { return .clean }
        let codes = Set(answer).sorted()
        for code in codes {
            if let refusal = refusal(code) { return .unknown(refusal) }
        }
        guard codes.allSatisfy({ $0.hasPrefix("127.") }) else {
            return .unknown("the zone answered \(codes[0]), which is no blacklist's answer: it may have been given up")
        }
        let meanings = codes.compactMap(meaning)
        return .listed(codes: codes, meaning: meanings.isEmpty ? nil : meanings.joined(separator: "; "))
    }

    /// Why a code is an answer about the question and not about its subject.
    private func refusal(_ code: String) -> String? {
        switch code {
        case "127.255.255.252": "the name of the zone is misspelled"
        case "127.255.255.254": "the zone does not answer questions that come through a public resolver: configure a resolver of your own"
        case "127.255.255.255": "the zone was asked too often"
        case _ where code.hasPrefix("127.255.255."): "the zone refused the question (\(code))"
        // SURBL and URIBL say so to whoever may not ask; no list gives it for a listing.
        case "127.0.0.1": "the zone does not answer this resolver"
        case "127.0.1.255" where isSpamhaus: "the zone takes domains, not addresses"
        default: nil
        }
    }

    private func meaning(_ code: String) -> String? {
        guard isSpamhaus else { return nil }
        return switch code {
        case "127.0.0.2": "SBL: a source of spam"
        case "127.0.0.3": "CSS: a source of spam, found by machines"
        case "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7": "XBL: a machine that others have taken over"
        case "127.0.0.9": "DROP: a hijacked network"
        case "127.0.0.10", "127.0.0.11": "PBL: an address that should not send mail by itself"
        case "127.0.1.2": "DBL: a domain of spam"
        case "127.0.1.4": "DBL: a domain of phishing"
        case "127.0.1.5": "DBL: a domain of malware"
        case "127.0.1.6": "DBL: a domain that controls a botnet"
        case "127.0.1.102", "127.0.1.103", "127.0.1.104", "127.0.1.105", "127.0.1.106": "DBL: a good domain that was abused"
        default: nil
        }
    }

    /// Whether the operator of the zone refuses questions through a public resolver, so that asking through one is against its rules.
    var refusesPublicResolvers: Bool { isSpamhaus }
}

/// Resolvers that anybody may use.
enum PublicResolvers {
    private static let known: Set<String> = [
        "1.0.0.1", "1.1.1.1", "8.8.4.4", "8.8.8.8", "9.9.9.9", "149.112.112.112", "208.67.220.220", "208.67.222.222", "64.6.64.6", "64.6.65.6",
        "94.140.14.14", "94.140.15.15", "2606:4700:4700::1111", "2606:4700:4700::1001", "2001:4860:4860::8888", "2001:4860:4860::8844",
        "2620:fe::fe", "2620:fe::9",
    ]

    static func contains(_ address: String) -> Bool { known.contains(address.lowercased()) }
}
