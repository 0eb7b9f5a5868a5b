import DNS
import Primitives

/// A record of RFC 7208, taken apart.
struct SPFRecord: Sendable, Equatable {
    enum Qualifier: String, Sendable {
        case pass = "+"
        case fail = "-"
        case softFail = "~"
        case neutral = "?"
    }

    struct Mechanism: Sendable, Equatable {
        let qualifier: Qualifier
        /// Lower case: `all`, `include`, `a`, `mx`, `ptr`, `ip4`, `ip6`, `exists`.
        let name: String
        /// What stands behind the colon, and the prefix lengths; empty without.
        let value: String

        /// As it is written, without a `+` that says nothing.
        var text: String {
            let sign = qualifier == .pass ? "" : qualifier.rawValue
            let separator = value.isEmpty || value.hasPrefix("/") ? "" : ":"
            return "\(sign)\(name)\(separator)\(value)"
        }

        /// The name that is looked up: without prefix lengths; nil when the domain itself is meant.
        var target: String? {
            let name = value.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)[0]
            return name.isEmpty ? nil : name.lowercased()
        }
    }

    /// Why a record is none.
    struct Fault: Error, Equatable {
        let code: DomainFinding.Code
        let term: String
    }

    private(set) var mechanisms: [Mechanism] = []
    private(set) var redirect: String?
    private(set) var modifiers: [String] = []
    /// Mechanisms behind `all`, or a redirect beside it: nobody reads them.
    private(set) var ignored: [String] = []

    /// Whether a text is a record of SPF at all; its content may still be wrong.
    static func isSPF(_ text: String) -> Bool {
        let lower = text.lowercased()
        return lower == "v=spf1" || lower.hasPrefix("v=spf1 ")
    }

    /// Whether somebody meant it to be one.
    static func looksLikeSPF(_ text: String) -> Bool {
        let lower = text.lowercased()
        guard !isSPF(text) else { return false }
        return lower.contains("v=spf") || lower.contains("spf1 ") || lower.hasPrefix("include:") || lower.contains(" include:")
    }

    init(_ text: String) throws(Fault) {
        for term in text.split(separator: " ").dropFirst() {
            try add(String(term))
        }
        if let end = mechanisms.firstIndex(where: { $0.name == "all" }) {
            ignored = mechanisms[(end + 1)...].map(\.text)
            if let redirect { ignored.append("redirect=\(redirect)") }
            mechanisms = Array(mechanisms[...end])
            redirect = nil
        }
    }

    var end: Mechanism? { mechanisms.last.flatMap { $0.name == "all" ? $0 : nil } }

    /// What a receiver has to look up for it, without what stands in the records that it names.
    var lookupTerms: Int { mechanisms.count { $0.needsLookup } + (redirect == nil ? 0 : 1) }

    private mutating func add(_ term: String) throws(Fault) {
        // A modifier has its `=` before any `:` or `/`.
        if let sign = term.firstIndex(where: { $0 == "=" || $0 == ":" || $0 == "/" }), term[sign] == "=" {
            return try addModifier(name: term[..<sign].lowercased(), value: String(term[term.index(after: sign)...]), term)
        }
        var rest = Substring(term)
        var qualifier = Qualifier.pass
        if let first = rest.first, let sign = Qualifier(rawValue: String(first)) {
            qualifier = sign
            rest = rest.dropFirst()
        }
        let end = rest.firstIndex { $0 == ":" || $0 == "/" } ?? rest.endIndex
        let name = rest[..<end].lowercased()
        var value = String(rest[end...])
        if value.hasPrefix(":") {
            value.removeFirst()
            guard !value.isEmpty else { throw Fault(code: .spfSyntax, term: term) }
        }
        let mechanism = Mechanism(qualifier: qualifier, name: name, value: value)
        try Self.check(mechanism, term)
        mechanisms.append(mechanism)
    }

    private mutating func addModifier(name: String, value: String, _ term: String) throws(Fault) {
        switch name {
        case "redirect":
            guard redirect == nil, Self.isName(value) else { throw Fault(code: .spfSyntax, term: term) }
            redirect = value.lowercased()
        case "":
            throw Fault(code: .spfSyntax, term: term)
        default:
            guard name.utf8.allSatisfy({ Self.isModifierByte($0) }) else { throw Fault(code: .spfSyntax, term: term) }
            modifiers.append(term)
        }
    }

    private static func check(_ mechanism: Mechanism, _ term: String) throws(Fault) {
        switch mechanism.name {
        case "all":
            guard mechanism.value.isEmpty else { throw Fault(code: .spfSyntax, term: term) }
        case "include", "exists":
            guard isName(mechanism.value), !mechanism.value.contains("/") || mechanism.value.contains("%") else {
                throw Fault(code: .spfSyntax, term: term)
            }
        case "a", "mx", "ptr":
            guard mechanism.target.map(isName) ?? true, hasPrefixLengths(mechanism.value, of: mechanism.name) else {
                throw Fault(code: .spfSyntax, term: term)
            }
        case "ip4", "ip6":
            guard isNetwork(mechanism.value, isSix: mechanism.name == "ip6") else { throw Fault(code: .spfInvalidAddress, term: term) }
        default: throw Fault(code: .spfSyntax, term: term)
        }
    }

    private static func isModifierByte(_ byte: UInt8) -> Bool {
        byte == 0x2D || byte == 0x5F || byte == 0x2E || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// A name, or one with macros (`%{i}`).
    private static func isName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 253, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
        return text.contains("%") || DNSName.normalized(text)?.contains(".") == true
    }

    /// `/24`, `//64` or `/24//64` at the end.
    private static func hasPrefixLengths(_ value: String, of name: String) -> Bool {
        guard let slash = value.firstIndex(of: "/") else { return true }
        guard name != "ptr" else { return false }
        let parts = value[slash...].dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: return isLength(parts[0], upTo: 32)
        case 2: return parts[0].isEmpty && isLength(parts[1], upTo: 128)
        case 3: return isLength(parts[0], upTo: 32) && parts[1].isEmpty && isLength(parts[2], upTo: 128)
        default: return false
        }
    }

    private static func isLength(_ text: String, upTo limit: Int) -> Bool {
        Int(text).map { (0...limit).contains($0) && String($0) == text } ?? false
    }

    private static func isNetwork(_ text: String, isSix: Bool) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = parts.first.map(String.init), parts.count <= 2, address.contains(":") == isSix, DNSName.reverse(of: address) != nil else {
            return false
        }
        return parts.count == 1 || isLength(String(parts[1]), upTo: isSix ? 128 : 32)
    }
}

extension SPFRecord.Mechanism {
    /// Whether a receiver has to ask DNS for it: of those there may be ten.
    var needsLookup: Bool { ["include", "a", "mx", "ptr", "exists"].contains(name) }
}
