/// Where the links of an HTML mail stand, found byte by byte as a browser's tokenizer goes through it; nothing is parsed that need not be.
///
/// Comments are passed over whole, so that what stands in Outlook's conditional comments is left alone. Malformed input ends the search, never the
/// mail: what was found before it stands.
struct HTMLLinks {
    /// The values of `href` of `<a>` and `<area>`, without quotes, in their order; those of elements with `data-track="off"` are left out.
    private(set) var values: [Range<Int>] = []
    /// Where the last `</body>` begins.
    private(set) var bodyEnd: Int?
    /// Whether text that is added at the end would be text.
    private(set) var endsInText = true

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        run()
    }

    private mutating func run() {
        while let open = next(UInt8(ascii: "<"), from: position) {
            guard open + 1 < bytes.count else { return }
            let mark = bytes[open + 1]
            let isComplete: Bool
            if mark.isASCIILetter {
                isComplete = startTag(at: open)
            } else if mark == UInt8(ascii: "/") {
                isComplete = endTag(at: open)
            } else if mark == UInt8(ascii: "!"), matches("--", at: open + 2) {
                isComplete = comment(from: open + 4)
            } else if mark == UInt8(ascii: "!") || mark == UInt8(ascii: "?") {
                isComplete = skip(past: UInt8(ascii: ">"), from: open + 2)
            } else {
                position = open + 1
                continue
            }
            guard isComplete else {
                endsInText = false
                return
            }
        }
    }

    // MARK: - Tags

    private mutating func startTag(at open: Int) -> Bool {
        let name = name(from: open + 1)
        let isLink = equals(name, "a") || equals(name, "area")
        var href: Range<Int>?
        var isOff = false
        guard
            let end = attributes(
                from: name.upperBound,
                each: { attribute, value in
                    guard isLink else { return }
                    // Of two with one name the first counts.
                    if href == nil, equals(attribute, "href") { href = value }
                    if equals(attribute, "data-track"), equals(value, "off") { isOff = true }
                })
        else { return false }
        position = end
        if let href, !isOff, !href.isEmpty { values.append(href) }
        if equals(name, "plaintext") { return false }
        if Self.rawText.contains(where: { equals(name, $0) }) { return skipRawText(of: name) }
        return true
    }

    /// Elements whose content is text, whatever it looks like.
    private static let rawText: [StaticString] = ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"]

    private mutating func endTag(at open: Int) -> Bool {
        guard open + 2 < bytes.count else {
            position = bytes.count
            return true
        }
        guard bytes[open + 2].isASCIILetter else { return skip(past: UInt8(ascii: ">"), from: open + 2) }
        let name = name(from: open + 2)
        guard let end = attributes(from: name.upperBound, each: { _, _ in }) else { return false }
        if equals(name, "body") { bodyEnd = open }
        position = end
        return true
    }

    private func name(from start: Int) -> Range<Int> {
        var end = start
        while end < bytes.count, !bytes[end].isHTMLSpace, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: ">") { end += 1 }
        return start..<end
    }

    /// Where the tag's text ends, past its `>`; nil when it has no end.
    private func attributes(from start: Int, each: (_ name: Range<Int>, _ value: Range<Int>) -> Void) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes[index].isHTMLSpace || bytes[index] == UInt8(ascii: "/") {
                index += 1
                continue
            }
            if bytes[index] == UInt8(ascii: ">") { return index + 1 }
            let begin = index
            // An = at the beginning belongs to the name.
            index += 1
            while index < bytes.count, !bytes[index].isHTMLSpace, !"/>=".utf8.contains(bytes[index]) { index += 1 }
            let name = begin..<index
            index = pastSpace(index)
            guard index < bytes.count, bytes[index] == UInt8(ascii: "=") else { continue }
            index = pastSpace(index + 1)
            guard index < bytes.count else { return nil }
            let mark = bytes[index]
            if mark == UInt8(ascii: "\"") || mark == UInt8(ascii: "'") {
                guard let end = next(mark, from: index + 1) else { return nil }
                each(name, index + 1..<end)
                index = end + 1
            } else {
                let first = index
                while index < bytes.count, !bytes[index].isHTMLSpace, bytes[index] != UInt8(ascii: ">") { index += 1 }
                each(name, first..<index)
            }
        }
        return nil
    }

    private func pastSpace(_ start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index].isHTMLSpace { index += 1 }
        return index
    }

    // MARK: - What is passed over

    private mutating func comment(from start: Int) -> Bool {
        if matches(">", at: start) || matches("->", at: start) { return skip(past: UInt8(ascii: ">"), from: start) }
        var index = start
        while let dash = next(UInt8(ascii: "-"), from: index) {
            if matches("-->", at: dash) || matches("--!>", at: dash) { return skip(past: UInt8(ascii: ">"), from: dash) }
            index = dash + 1
        }
        return false
    }

    private mutating func skipRawText(of name: Range<Int>) -> Bool {
        while let open = next(UInt8(ascii: "<"), from: position) {
            position = open + 1
            guard matches("</", at: open) else { continue }
            let found = self.name(from: open + 2)
            if found.count == name.count, zip(found, name).allSatisfy({ bytes[$0].asciiLowercase == bytes[$1].asciiLowercase }) {
                return endTag(at: open)
            }
        }
        return false
    }

    private mutating func skip(past mark: UInt8, from start: Int) -> Bool {
        guard let end = next(mark, from: start) else { return false }
        position = end + 1
        return true
    }

    // MARK: - Bytes

    private func next(_ byte: UInt8, from start: Int) -> Int? {
        guard start < bytes.count else { return nil }
        return bytes[start...].firstIndex(of: byte)
    }

    private func matches(_ text: StaticString, at start: Int) -> Bool {
        guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(bytes[start..<start + $0.count]) }
    }

    /// Without regard to case; `text` is in lower case.
    private func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in zip(range, expected).allSatisfy { bytes[$0].asciiLowercase == $1 } }
    }
}

extension UInt8 {
    fileprivate var isASCIILetter: Bool { (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) }
    fileprivate var asciiLowercase: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
    /// Tab, line feed, form feed, carriage return and space.
    fileprivate var isHTMLSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0C || self == 0x0D }
}
