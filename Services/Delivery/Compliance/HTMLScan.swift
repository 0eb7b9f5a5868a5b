import Foundation

/// What a reader sees of HTML and where its links lead, found in one pass over its bytes; no browser, and nothing is fetched.
struct HTMLScan: Sendable, Equatable {
    struct Link: Sendable, Equatable {
        let target: String
        /// What stands between its tags, without marks.
        let text: String
    }

    private(set) var links: [Link] = []
    private(set) var images = 0
    /// Without marks, styles and scripts; blanks are one blank.
    private(set) var text = ""

    /// Links that are looked at, at most.
    static let mostLinks = 2_000

    init(_ html: String) {
        let bytes = Array(html.utf8)
        var index = 0
        var target: String?
        var linkStart = 0
        var output: [UInt8] = []
        // The element whose content is no text, as long as it is open.
        var silent: [UInt8]?
        while index < bytes.count {
            if let open = silent {
                if Self.closes(open, in: bytes, at: index) { silent = nil } else { index += 1 }
                continue
            }
            guard bytes[index] == UInt8(ascii: "<"), Self.beginsTag(bytes, at: index) else {
                Self.append(bytes[index], to: &output)
                index += 1
                continue
            }
            if Self.starts(bytes, at: index, with: "<!--") {
                index = Self.end(of: Array("-->".utf8), in: bytes, from: index + 4)
                continue
            }
            let tag = Tag(bytes, at: index)
            index = tag.end
            switch (String(decoding: tag.name, as: UTF8.self), tag.isEnd) {
            case ("style", false), ("script", false), ("title", false): silent = tag.isEmpty ? nil : tag.name
            case ("img", false): images += 1
            case ("a", false):
                close(&target, linkStart, output)
                target = tag.attribute("href", in: bytes)
                linkStart = output.count
            case ("a", true): close(&target, linkStart, output)
            default: Self.append(UInt8(ascii: " "), to: &output)
            }
        }
        close(&target, linkStart, output)
        text = String(decoding: output, as: UTF8.self).withoutEntities.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private mutating func close(_ target: inout String?, _ start: Int, _ output: [UInt8]) {
        guard let found = target else { return }
        target = nil
        guard links.count < Self.mostLinks else { return }
        let text = String(decoding: output[min(start, output.count)...], as: UTF8.self).withoutEntities
        links.append(
            Link(
                target: found.withoutEntities.trimmingCharacters(in: .whitespacesAndNewlines),
                text: text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    private static func append(_ byte: UInt8, to output: inout [UInt8]) {
        let isBlank = byte == 0x20 || (0x09...0x0D).contains(byte)
        if isBlank, output.last == 0x20 { return }
        output.append(isBlank ? 0x20 : byte)
    }

    /// A sign of comparison is none.
    private static func beginsTag(_ bytes: [UInt8], at index: Int) -> Bool {
        guard index + 1 < bytes.count else { return false }
        let next = bytes[index + 1]
        return next == UInt8(ascii: "/") || next == UInt8(ascii: "!") || next == UInt8(ascii: "?") || (0x61...0x7A).contains(next | 0x20)
    }

    private static func closes(_ name: [UInt8], in bytes: [UInt8], at index: Int) -> Bool {
        guard bytes[index] == UInt8(ascii: "<"), bytes.count - index >= name.count + 2, bytes[index + 1] == UInt8(ascii: "/") else { return false }
        return zip(bytes[(index + 2)...], name).allSatisfy { $0 | 0x20 == $1 }
    }

    private static func starts(_ bytes: [UInt8], at index: Int, with text: StaticString) -> Bool {
        let wanted = text.withUTF8Buffer { Array($0) }
        return bytes.count - index >= wanted.count && bytes[index..<index + wanted.count].elementsEqual(wanted)
    }

    private static func end(of mark: [UInt8], in bytes: [UInt8], from start: Int) -> Int {
        var index = start
        while index + mark.count <= bytes.count {
            if bytes[index] == mark[0], bytes[index..<index + mark.count].elementsEqual(mark) { return index + mark.count }
            index += 1
        }
        return bytes.count
    }

    /// One tag: where it ends, and where its attributes stand.
    private struct Tag {
        let name: [UInt8]
        let isEnd: Bool
        /// `<br/>`
        let isEmpty: Bool
        let end: Int
        private let attributes: Range<Int>

        init(_ bytes: [UInt8], at start: Int) {
            var index = start + 1
            isEnd = index < bytes.count && bytes[index] == UInt8(ascii: "/")
            if isEnd { index += 1 }
            let nameStart = index
            while index < bytes.count, Self.isNameByte(bytes[index]) { index += 1 }
            name = bytes[nameStart..<index].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
            let attributeStart = index
            var quote: UInt8?
            while index < bytes.count {
                let byte = bytes[index]
                if let open = quote {
                    if byte == open { quote = nil }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                } else if byte == UInt8(ascii: ">") {
                    break
                }
                index += 1
            }
            attributes = attributeStart..<index
            isEmpty = index > attributeStart && bytes[index - 1] == UInt8(ascii: "/")
            end = min(bytes.count, index + 1)
        }

        func attribute(_ wanted: String, in bytes: [UInt8]) -> String? {
            var index = attributes.lowerBound
            let end = attributes.upperBound
            func skipBlanks() { while index < end, bytes[index] <= 0x20 || bytes[index] == UInt8(ascii: "/") { index += 1 } }
            while index < end {
                skipBlanks()
                let start = index
                while index < end, bytes[index] > 0x20, bytes[index] != UInt8(ascii: "="), bytes[index] != UInt8(ascii: "/") { index += 1 }
                let name = String(decoding: bytes[start..<index], as: UTF8.self).lowercased()
                skipBlanks()
                guard index < end, bytes[index] == UInt8(ascii: "=") else {
                    if index == start { index += 1 }
                    continue
                }
                index += 1
                while index < end, bytes[index] <= 0x20 { index += 1 }
                let value: ArraySlice<UInt8>
                if index < end, bytes[index] == UInt8(ascii: "\"") || bytes[index] == UInt8(ascii: "'") {
                    let quote = bytes[index]
                    let from = index + 1
                    index = from
                    while index < end, bytes[index] != quote { index += 1 }
                    value = bytes[from..<index]
                    index = min(end, index + 1)
                } else {
                    let from = index
                    while index < end, bytes[index] > 0x20 { index += 1 }
                    value = bytes[from..<index]
                }
                if name == wanted { return String(decoding: value, as: UTF8.self) }
            }
            return nil
        }

        private static func isNameByte(_ byte: UInt8) -> Bool {
            (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
        }
    }
}

extension String {
    /// The few references that stand in addresses and in words.
    fileprivate var withoutEntities: String {
        guard contains("&") else { return self }
        return replacing("&nbsp;", with: " ").replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
            .replacing("&#39;", with: "'").replacing("&amp;", with: "&")
    }
}
