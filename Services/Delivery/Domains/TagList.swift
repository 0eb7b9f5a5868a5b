/// A list of `name=value` with semicolons between, as DKIM's and DMARC's records are; nil when it is none.
struct TagList: Sendable, Equatable {
    /// In their order; names as they were written.
    let tags: [(name: String, value: String)]

    init?(_ text: String) {
        var tags: [(name: String, value: String)] = []
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            let trimmed = Self.trimmed(part)
            // One semicolon too many is nobody's problem.
            if trimmed.isEmpty { continue }
            guard tags.count < 64, let sign = trimmed.firstIndex(of: "=") else { return nil }
            let name = Self.trimmed(trimmed[..<sign])
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isNameByte), !tags.contains(where: { $0.name == name }) else { return nil }
            tags.append((name, Self.trimmed(trimmed[trimmed.index(after: sign)...])))
        }
        guard !tags.isEmpty else { return nil }
        self.tags = tags
    }

    subscript(name: String) -> String? { tags.first { $0.name == name }?.value }

    /// A tag's values, with colons between, in lower case.
    func list(_ name: String) -> [String]? {
        self[name].map { $0.split(separator: ":").map { Self.trimmed($0).lowercased() } }
    }

    static func == (left: TagList, right: TagList) -> Bool {
        left.tags.elementsEqual(right.tags) { $0 == $1 }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte == 0x5F || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" || character.isNewline }
        guard let first = text.firstIndex(where: { !isBlank($0) }), let last = text.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(text[first...last])
    }
}
