import Foundation

/// Character references of HTML: resolved in attributes, kept in text where they are well formed.
enum HTMLReferences {
    /// The value that a browser would see, as far as schemes and hosts go: what is not resolved is written out again as it stands, so that a browser
    /// reads the very text that was judged here.
    static func resolved(_ bytes: ArraySlice<UInt8>) -> String {
        var scalars = String.UnicodeScalarView()
        let text = String(decoding: bytes, as: UTF8.self).unicodeScalars
        var index = text.startIndex
        while index < text.endIndex {
            guard text[index] == "&", let (scalar, end) = reference(text, at: index) else {
                scalars.append(text[index])
                index = text.index(after: index)
                continue
            }
            scalars.append(scalar)
            index = end
        }
        return String(scalars)
    }

    private static func reference(_ text: String.UnicodeScalarView, at start: String.Index) -> (Unicode.Scalar, String.Index)? {
        var index = text.index(after: start)
        guard index < text.endIndex else { return nil }
        if text[index] == "#" {
            index = text.index(after: index)
            var radix: UInt32 = 10
            if index < text.endIndex, text[index] == "x" || text[index] == "X" {
                radix = 16
                index = text.index(after: index)
            }
            var value: UInt32 = 0
            var digits = 0
            while index < text.endIndex, digits < 12, let digit = Character(text[index]).hexDigitValue, UInt32(digit) < radix, text[index].isASCII {
                value = min(value * radix + UInt32(digit), 0x110000)
                digits += 1
                index = text.index(after: index)
            }
            guard digits > 0 else { return nil }
            if index < text.endIndex, text[index] == ";" { index = text.index(after: index) }
            return (Unicode.Scalar(value).flatMap { $0 == "\0" ? nil : $0 } ?? "\u{FFFD}", index)
        }
        var name = ""
        while index < text.endIndex, name.utf8.count < 10, text[index].isASCII, text[index].properties.isAlphabetic {
            name.unicodeScalars.append(text[index])
            index = text.index(after: index)
        }
        guard index < text.endIndex, text[index] == ";", let scalar = named[name] else { return nil }
        return (scalar, text.index(after: index))
    }

    private static let named: [String: Unicode.Scalar] = [
        "amp": "&", "AMP": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "colon": ":", "Tab": "\t", "NewLine": "\n",
        "sol": "/", "period": ".", "commat": "@", "num": "#", "quest": "?", "equals": "=", "lowbar": "_", "lpar": "(", "rpar": ")",
    ]

    /// Text for between tags: nothing in it opens a tag, and its character references stay what they are.
    static func appendText(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            switch bytes[index] {
            case 0: break
            case UInt8(ascii: "<"): output += "&lt;".utf8
            case UInt8(ascii: ">"): output += "&gt;".utf8
            case UInt8(ascii: "&"): output += isReference(bytes[index...]) ? [UInt8(ascii: "&")] : Array("&amp;".utf8)
            default: output.append(bytes[index])
            }
            index += 1
        }
    }

    /// Whether a well-formed reference begins here, such as `&eacute;` or `&#233;`.
    private static func isReference(_ bytes: ArraySlice<UInt8>) -> Bool {
        let body = bytes.dropFirst().prefix(33)
        guard let end = body.firstIndex(of: UInt8(ascii: ";")) else { return false }
        var name = body[..<end]
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte | 0x20 == byte ? byte - 0x20 : byte) }
        guard name.first == UInt8(ascii: "#") else {
            return name.count > 1 && name.first.map(isLetter) == true && name.allSatisfy { isDigit($0) || isLetter($0) }
        }
        name = name.dropFirst()
        if name.first == UInt8(ascii: "x") || name.first == UInt8(ascii: "X") {
            return (2...7).contains(name.count) && name.dropFirst().allSatisfy { isDigit($0) || (0x61...0x66).contains($0 | 0x20) }
        }
        return (1...7).contains(name.count) && name.allSatisfy(isDigit)
    }
}
