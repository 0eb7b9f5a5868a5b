/// An address that can be written into an SMTP command and a header as it stands: `local@domain`, no quoting, no comments.
public struct MailAddress: Sendable, Hashable, CustomStringConvertible {
    /// What stands before the `@`, in the case it was written in.
    public let localPart: String
    /// Host name of at least two labels, in the case it was written in.
    public let domain: String

    /// Takes `text` without the spaces and tabs around it.
    ///
    /// A non-ASCII local part needs `allowingUTF8`, since only servers with SMTPUTF8 take it; a non-ASCII domain is always refused.
    public init(_ text: String, allowingUTF8: Bool = false) throws(MailAddressError) {
        guard !text.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) else { throw .controlCharacter }
        let bytes = text.utf8
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) }) else { throw .empty }
        let address = text[first...last]
        guard address.utf8.count <= 254 else { throw .tooLong }
        guard let at = address.utf8.lastIndex(of: UInt8(ascii: "@")) else { throw .missingAt }
        localPart = String(address[..<at])
        domain = String(address[address.utf8.index(after: at)...])
        try Self.checkLocalPart(localPart, allowingUTF8: allowingUTF8)
        try Self.checkDomain(domain)
    }

    public var description: String { "\(localPart)@\(domain)" }

    /// The form to compare and to look up by: all of it in lower case.
    public var normalized: String { description.lowercased() }

    /// Whether a server without SMTPUTF8 can take it.
    public var isASCII: Bool { localPart.utf8.allSatisfy { $0 < 0x80 } }

    /// This address with a display name before it.
    public func named(_ name: String?) -> NamedMailAddress {
        NamedMailAddress(self, name: name)
    }

    private static func checkLocalPart(_ local: String, allowingUTF8: Bool) throws(MailAddressError) {
        guard !local.isEmpty, local.utf8.count <= 64 else { throw .invalidLocalPart }
        if !allowingUTF8, !local.utf8.allSatisfy({ $0 < 0x80 }) { throw .internationalLocalPart }
        // A dot-atom (RFC 5322, 3.2.3). Quoted local parts exist on paper only, and every parser downstream reads them differently.
        for atom in local.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard !atom.isEmpty, atom.allSatisfy({ $0.isAtomCharacter || $0 >= 0x80 }) else { throw .invalidLocalPart }
        }
    }

    private static func checkDomain(_ domain: String) throws(MailAddressError) {
        guard domain.utf8.allSatisfy({ $0 < 0x80 }) else { throw .internationalDomain }
        let labels = domain.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.count >= 2, domain.utf8.count <= 253, let top = labels.last else { throw .invalidDomain }
        for label in labels {
            guard (1...63).contains(label.count), label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-"),
                label.allSatisfy({ $0.isLetterOrDigit || $0 == UInt8(ascii: "-") })
            else { throw .invalidDomain }
        }
        // No top-level domain is a number: this is an IP address.
        guard !top.allSatisfy({ (0x30...0x39).contains($0) }) else { throw .invalidDomain }
    }
}

/// Why a text is not an address mail can be sent to.
public enum MailAddressError: Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    case tooLong
    case missingAt
    case controlCharacter
    case invalidLocalPart
    case invalidDomain
    case internationalLocalPart
    case internationalDomain

    public var description: String {
        switch self {
        case .empty: "the address is empty"
        case .tooLong: "the address is longer than 254 bytes"
        case .missingAt: "the address has no @"
        case .controlCharacter: "the address contains a line break or another control character"
        case .invalidLocalPart: "the part before the @ is not valid"
        case .invalidDomain: "the domain is not valid"
        case .internationalLocalPart: "letters outside ASCII before the @ are not supported"
        case .internationalDomain: "letters outside ASCII in the domain are not supported; write it in its xn-- form"
        }
    }
}
