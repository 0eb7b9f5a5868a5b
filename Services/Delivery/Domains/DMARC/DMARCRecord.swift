import DNS

/// A policy record of RFC 9989.
struct DMARCRecord: Sendable, Equatable {
    enum Policy: String, Sendable {
        case none, quarantine, reject
    }

    enum Alignment: String, Sendable {
        case relaxed = "r"
        case strict = "s"
    }

    struct Fault: Error, Equatable {
        let code: DomainFinding.Code
        let detail: String
    }

    let policy: Policy
    let subdomainPolicy: Policy?
    let missingDomainPolicy: Policy?
    let dkimAlignment: Alignment
    let spfAlignment: Alignment
    /// `y`, `n` or `u`.
    let publicSuffix: String
    let isTesting: Bool
    let reportAddresses: [String]
    /// Tags that the standard no longer has.
    let removedTags: [String]

    /// Whether a text counts as one; its content may still be wrong.
    static func isDMARC(_ text: String) -> Bool {
        guard let list = TagList(text) else { return text.hasPrefix("v=DMARC1") }
        return list.tags[0].name == "v" && list.tags[0].value == "DMARC1"
    }

    static func looksLikeDMARC(_ text: String) -> Bool {
        !isDMARC(text) && text.lowercased().contains("dmarc")
    }

    init(_ text: String) throws(Fault) {
        guard let list = TagList(text) else { throw Fault(code: .dmarcMalformed, detail: "The record is no list of tags.") }
        reportAddresses = (list["rua"] ?? "").split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        if let text = list["p"] {
            guard let policy = Policy(rawValue: text.lowercased()) else {
                throw Fault(code: .dmarcPolicyInvalid, detail: "p=\(text) is no policy; there are none, quarantine and reject.")
            }
            self.policy = policy
        } else {
            // Whoever wants reports is taken to have said none (RFC 9989, 4.7); what large receivers ask for is a policy in words.
            throw Fault(code: .dmarcPolicyMissing, detail: "The record has no p=, which says what is to be done with mail that fails.")
        }
        func policy(_ name: String) throws(Fault) -> Policy? {
            guard let text = list[name] else { return nil }
            guard let policy = Policy(rawValue: text.lowercased()) else {
                throw Fault(code: .dmarcPolicyInvalid, detail: "\(name)=\(text) is no policy; there are none, quarantine and reject.")
            }
            return policy
        }
        subdomainPolicy = try policy("sp")
        missingDomainPolicy = try policy("np")
        dkimAlignment = list["adkim"]?.lowercased() == "s" ? .strict : .relaxed
        spfAlignment = list["aspf"]?.lowercased() == "s" ? .strict : .relaxed
        publicSuffix = Self.publicSuffix(list)
        isTesting = list["t"]?.lowercased() == "y"
        removedTags = list.tags.map(\.name).filter { ["pct", "rf", "ri"].contains($0.lowercased()) }
    }

    /// What `psd` says, also of a record whose policy cannot be read.
    static func publicSuffix(_ list: TagList) -> String {
        let value = list["psd"]?.lowercased() ?? "u"
        return ["y", "n"].contains(value) ? value : "u"
    }

    /// Whether an authenticated domain stands for the author's.
    static func aligns(_ authenticated: String, with author: String, _ mode: Alignment, organisation: (String) -> String) -> Bool {
        switch mode {
        case .strict: authenticated == author
        case .relaxed: authenticated == author || organisation(authenticated) == organisation(author)
        }
    }
}
