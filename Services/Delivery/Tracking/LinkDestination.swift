/// Where the value of an `href` leads, read as a browser reads it; what is doubtful is not read at all, and its link stays as it is.
enum LinkDestination {
    /// An absolute http or https address in visible ASCII; nil for every other scheme and for what cannot be read for sure.
    static func read(_ value: some Sequence<UInt8>) -> String? {
        guard var bytes = decoded(Array(value)) else { return nil }
        // A browser takes these away wherever they stand (URL standard, 4.4).
        bytes.removeAll { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        let trimmed = Array(bytes.drop { $0 <= 0x20 })
        guard trimmed.count <= TrackingTokens.longestDestination, let start = authority(of: trimmed) else { return nil }
        let end = trimmed[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? trimmed.count
        let authority = trimmed[start..<end]
        // A backslash is a slash to browsers and a letter to others; a name outside ASCII needs a translation of its own.
        guard !authority.isEmpty, authority.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !#"\<>"^`{|}"#.utf8.contains($0) }) else { return nil }
        guard !trimmed[end...].contains(UInt8(ascii: "\\")), let rest = escaped(trimmed[end...]) else { return nil }
        let destination = String(decoding: trimmed[..<end], as: UTF8.self) + rest
        return destination.utf8.count <= TrackingTokens.longestDestination ? destination : nil
    }

    /// Whether a redirect may lead there: asked once more when a token is opened.
    static func isAllowed(_ destination: String) -> Bool {
        destination.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && authority(of: Array(destination.utf8)) != nil
    }

    /// Where the authority begins: only `http://` and `https://`, in any case.
    private static func authority(of bytes: [UInt8]) -> Int? {
        for scheme in ["https://", "http://"] {
            let prefix = bytes.prefix(scheme.utf8.count).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
            if prefix.elementsEqual(scheme.utf8), bytes.count > prefix.count, bytes[prefix.count] != UInt8(ascii: "/") { return prefix.count }
        }
        return nil
    }

    /// Blanks and what is not ASCII as browsers send it; nil for control characters.
    private static func escaped(_ bytes: ArraySlice<UInt8>) -> String? {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 0..<0x20, 0x7F: return nil
            case 0x20, 0x80..., UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "`"):
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    // MARK: - Character references

    private static let named: [String: UInt8] = [
        "amp": UInt8(ascii: "&"), "AMP": UInt8(ascii: "&"), "lt": UInt8(ascii: "<"), "LT": UInt8(ascii: "<"), "gt": UInt8(ascii: ">"),
        "GT": UInt8(ascii: ">"), "quot": UInt8(ascii: "\""), "QUOT": UInt8(ascii: "\""), "apos": UInt8(ascii: "'"), "sol": UInt8(ascii: "/"),
        "equals": UInt8(ascii: "="), "quest": UInt8(ascii: "?"), "num": UInt8(ascii: "#"), "colon": UInt8(ascii: ":"),
    ]

    /// Nil when a reference stands there whose meaning is not known for sure.
    private static func decoded(_ value: [UInt8]) -> [UInt8]? {
        guard value.contains(UInt8(ascii: "&")) else { return value }
        var result: [UInt8] = []
        var index = 0
        while index < value.count {
            guard value[index] == UInt8(ascii: "&") else {
                result.append(value[index])
                index += 1
                continue
            }
            var end = index + 1
            if end < value.count, value[end] == UInt8(ascii: "#") {
                end += 1
                while end < value.count, value[end].isLetterOrDigit { end += 1 }
                guard end < value.count, value[end] == UInt8(ascii: ";"), let bytes = character(value[index + 2..<end]) else { return nil }
                result += bytes
                index = end + 1
                continue
            }
            while end < value.count, value[end].isLetterOrDigit { end += 1 }
            let name = String(decoding: value[index + 1..<end], as: UTF8.self)
            if end < value.count, value[end] == UInt8(ascii: ";") {
                guard let byte = named[name] else { return nil }
                result.append(byte)
                index = end + 1
            } else if name == "amp", end == value.count || value[end] != UInt8(ascii: "=") {
                result.append(UInt8(ascii: "&"))
                index = end
            } else if end < value.count, value[end] == UInt8(ascii: "=") || name.isEmpty {
                // As in `?a=1&copy=2`: in an attribute this is text.
                result += value[index..<end]
                index = end
            } else {
                // Some names count without their semicolon, most do not.
                guard !mayBeReference(name) else { return nil }
                result += value[index..<end]
                index = end
            }
        }
        return result
    }

    private static func character(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        let text = String(decoding: digits, as: UTF8.self)
        let isHexadecimal = text.hasPrefix("x") || text.hasPrefix("X")
        guard let number = isHexadecimal ? UInt32(text.dropFirst(), radix: 16) : UInt32(text), number < 0x80 || number > 0x9F,
            let scalar = Unicode.Scalar(number), number != 0
        else { return nil }
        return Array(String(Character(scalar)).utf8)
    }

    /// The names that HTML knows without a semicolon (HTML standard, 13.5).
    private static func mayBeReference(_ name: String) -> Bool { legacy.contains(Substring(name)) }

    private static let legacy: Set<Substring> = Set(
        """
        AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute Icirc Igrave Iuml LT Ntilde Oacute Ocirc \
        Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc acute aelig agrave amp aring atilde auml brvbar ccedil \
        cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12 frac14 frac34 gt iacute icirc iexcl igrave iquest iuml laquo lt macr \
        micro middot nbsp not ntilde oacute ocirc ograve ordf ordm oslash otilde ouml para plusmn pound quot raquo reg sect shy sup1 sup2 sup3 szlig \
        thorn times uacute ucirc ugrave uml uuml yacute yen yuml
        """.split(separator: " "))
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool { (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) }
}
