import Foundation

/// The text of HTML as a reader sees it, made in one pass and never longer than asked for.
///
/// Quotations are marked by `> ` as in plain text, so that ``ReplyText`` finds them in either form.
public struct HTMLText {
    private static let longestTag = 4_096
    private static let unseen: Set<String> = ["script", "style", "head", "title", "noscript", "template", "object", "svg"]
    private static let blocks: Set<String> = [
        "p", "div", "br", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "blockquote", "section", "article",
        "header", "footer", "dl", "dt", "dd", "address", "form",
    ]

    private let source: [UInt8]
    private let limit: Int
    private var index = 0
    private var output: [UInt8] = []
    private var quotes = 0
    private var pendingLines = 0
    private var pendingSpace = false
    private var isLineEmpty = true
    private var noMoreTags = false

    private init(_ source: [UInt8], limit: Int) {
        self.source = source
        self.limit = limit
    }

    public static func text(of html: String, limit: Int) -> String {
        var reader = HTMLText(Array(html.utf8), limit: limit)
        reader.read()
        return MailText.tidy(String(decoding: reader.output, as: UTF8.self), limit: limit)
    }

    private mutating func read() {
        while index < source.count, output.count < limit {
            let byte = source[index]
            switch byte {
            case UInt8(ascii: "<") where !noMoreTags && isTag(at: index): readTag()
            case UInt8(ascii: "&"): readEntity()
            case 0x20, 0x09, 0x0A, 0x0D:
                pendingSpace = true
                index += 1
            default:
                emit(byte)
                index += 1
            }
        }
    }

    private func isTag(at position: Int) -> Bool {
        guard position + 1 < source.count else { return false }
        let next = source[position + 1]
        return next == UInt8(ascii: "/") || next == UInt8(ascii: "!") || next == UInt8(ascii: "?") || isLetter(next)
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private mutating func readTag() {
        if begins("<!--", at: index) {
            // Without an end, the rest is the comment.
            index = position(of: "-->", from: index + 4).map { $0 + 3 } ?? source.count
            return
        }
        guard let end = endOfTag() else {
            noMoreTags = true
            return
        }
        var nameStart = index + 1
        let isClosing = source[nameStart] == UInt8(ascii: "/")
        if isClosing { nameStart += 1 }
        var nameEnd = nameStart
        while nameEnd < end, nameEnd - nameStart < 20, isLetter(source[nameEnd]) || (0x30...0x39).contains(source[nameEnd]) { nameEnd += 1 }
        let name = String(decoding: source[nameStart..<nameEnd], as: UTF8.self).lowercased()
        index = end + 1
        if Self.unseen.contains(name), !isClosing, source[end - 1] != UInt8(ascii: "/") {
            index = position(of: "</\(name)", from: index).flatMap { position(of: ">", from: $0) }.map { $0 + 1 } ?? source.count
        } else if Self.blocks.contains(name) {
            endLine(isParagraph: name == "p" && !isClosing || name == "hr")
            if name == "blockquote" { quotes = isClosing ? max(0, quotes - 1) : min(quotes + 1, 10) }
        } else if name == "td" || name == "th" {
            pendingSpace = true
        }
    }

    /// Where the tag's `>` is; one within quotes is none, unless the quotes never end.
    private func endOfTag() -> Int? {
        var quote: UInt8?
        var position = index + 1
        let stop = min(source.count, index + Self.longestTag)
        while position < stop {
            let byte = source[position]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return position
            }
            position += 1
        }
        return self.position(of: ">", from: index)
    }

    private func begins(_ word: StaticString, at position: Int) -> Bool {
        word.withUTF8Buffer { word in
            guard position + word.count <= source.count else { return false }
            return source.withUnsafeBufferPointer { strncasecmp($0.baseAddress! + position, word.baseAddress!, word.count) == 0 }
        }
    }

    private func position(of word: String, from start: Int) -> Int? {
        let word = Array(word.utf8)
        return source.withUnsafeBufferPointer { buffer -> Int? in
            var from = start
            while from + word.count <= buffer.count,
                let found = memchr(buffer.baseAddress! + from, Int32(word[0]), buffer.count - word.count - from + 1)
            {
                let position = UnsafeRawPointer(found) - UnsafeRawPointer(buffer.baseAddress!)
                if strncasecmp(buffer.baseAddress! + position, word, word.count) == 0 { return position }
                from = position + 1
            }
            return nil
        }
    }

    private mutating func readEntity() {
        let end = min(source.count, index + 12)
        guard let semicolon = source[index..<end].firstIndex(of: UInt8(ascii: ";")), semicolon > index + 1 else {
            emit(source[index])
            index += 1
            return
        }
        let name = String(decoding: source[(index + 1)..<semicolon], as: UTF8.self)
        guard let scalar = HTMLEntities.scalar(name) else {
            emit(source[index])
            index += 1
            return
        }
        index = semicolon + 1
        if scalar == "\u{A0}" || scalar == " " {
            pendingSpace = true
        } else if scalar != "\0" {
            for byte in String(scalar).utf8 { emit(byte) }
        }
    }

    private mutating func emit(_ byte: UInt8) {
        if pendingLines > 0, !output.isEmpty {
            for _ in 0..<pendingLines { output.append(UInt8(ascii: "\n")) }
        }
        if isLineEmpty {
            for _ in 0..<quotes { output += [UInt8(ascii: ">"), UInt8(ascii: " ")] }
        } else if pendingSpace {
            output.append(UInt8(ascii: " "))
        }
        pendingLines = 0
        pendingSpace = false
        isLineEmpty = false
        output.append(byte)
    }

    private mutating func endLine(isParagraph: Bool) {
        // The second end of a line makes an empty one; more than one in a row says nothing.
        pendingLines = min(2, isLineEmpty && pendingLines > 0 ? pendingLines : pendingLines + 1)
        if isParagraph { pendingLines = 2 }
        isLineEmpty = true
        pendingSpace = false
    }
}

/// The named and numbered characters of HTML that mail programs write.
enum HTMLEntities {
    static func scalar(_ name: String) -> Unicode.Scalar? {
        if name.hasPrefix("#") {
            let digits = name.dropFirst()
            let value = digits.first == "x" || digits.first == "X" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            return value.flatMap { Unicode.Scalar($0) }
        }
        return named[name] ?? latin[name]
    }

    private static let named: [String: Unicode.Scalar] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "ndash": "–", "mdash": "—", "lsquo": "‘", "rsquo": "’",
        "sbquo": "‚", "ldquo": "“", "rdquo": "”", "bdquo": "„", "hellip": "…", "bull": "•", "euro": "€", "trade": "™", "lsaquo": "‹", "rsaquo": "›",
        "zwnj": "\u{200C}", "zwj": "\u{200D}", "ensp": " ", "emsp": " ", "thinsp": " ", "oelig": "œ", "OElig": "Œ", "scaron": "š", "Scaron": "Š",
    ]

    /// ISO 8859-1 from U+00A1 on, in its order.
    private static let latin: [String: Unicode.Scalar] = {
        let names = """
            iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm \
            raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml \
            ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml \
            aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave \
            uacute ucirc uuml yacute thorn yuml
            """
        var table: [String: Unicode.Scalar] = [:]
        for (offset, name) in names.split(separator: " ").enumerated() { table[String(name)] = Unicode.Scalar(0xA1 + UInt32(offset)) }
        return table
    }()
}
