/// Characters written by name or number: `&amp;`, `&#8364;`.
enum HTMLEntity {
    private static let longest = 12

    /// The character that an entity at the beginning of `bytes` stands for, and how long the entity is; nil when there is none that is known.
    static func read(_ bytes: ArraySlice<UInt8>) -> (scalar: Unicode.Scalar, length: Int)? {
        let window = bytes.prefix(longest)
        guard window.first == TemplateByte.ampersand, let end = window.firstIndex(of: TemplateByte.semicolon) else { return nil }
        let name = window[(window.startIndex + 1)..<end]
        let scalar = name.first == TemplateByte.hash ? numbered(name.dropFirst()) : named[String(decoding: name, as: UTF8.self)]
        guard let scalar else { return nil }
        return (scalar, end - bytes.startIndex + 1)
    }

    /// The bytes with every known entity replaced.
    static func decoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == TemplateByte.ampersand, let entity = read(bytes[index...]) {
                result += String(entity.scalar).utf8
                index += entity.length
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    private static func numbered(_ digits: ArraySlice<UInt8>) -> Unicode.Scalar? {
        let isHexadecimal = digits.first.map { TemplateByte.lowercased($0) == UInt8(ascii: "x") } ?? false
        let text = isHexadecimal ? digits.dropFirst() : digits
        guard !text.isEmpty, text.allSatisfy({ TemplateByte.isDigit($0) || TemplateByte.isLetter($0) }),
            let number = UInt32(String(decoding: text, as: UTF8.self), radix: isHexadecimal ? 16 : 10)
        else { return nil }
        // No mail holds other control characters.
        guard number >= 0x20 || number == 0x09 || number == 0x0A || number == 0x0D, let scalar = Unicode.Scalar(number) else { return "\u{FFFD}" }
        return scalar
    }

    private static let named: [String: Unicode.Scalar] = {
        var named: [String: Unicode.Scalar] = [
            "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "ndash": "\u{2013}", "mdash": "\u{2014}", "lsquo": "\u{2018}",
            "rsquo": "\u{2019}", "sbquo": "\u{201A}", "ldquo": "\u{201C}", "rdquo": "\u{201D}", "bdquo": "\u{201E}", "bull": "\u{2022}",
            "hellip": "\u{2026}", "euro": "\u{20AC}", "trade": "\u{2122}", "larr": "\u{2190}", "uarr": "\u{2191}", "rarr": "\u{2192}",
            "darr": "\u{2193}", "ensp": "\u{2002}", "emsp": "\u{2003}", "thinsp": "\u{2009}", "zwnj": "\u{200C}", "zwj": "\u{200D}",
            "lbrace": "{", "rbrace": "}", "vert": "|",
        ]
        for (offset, name) in latin.split(separator: " ").enumerated() { named[String(name)] = Unicode.Scalar(UInt32(160 + offset)) }
        return named
    }()

    /// From U+00A0 to U+00FF, in their order.
    private static let latin = """
        nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr \
        deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest \
        Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml \
        ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig \
        agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml \
        eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml
        """
}
