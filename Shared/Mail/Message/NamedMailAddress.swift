/// An address and the name a reader sees instead of it.
public struct NamedMailAddress: Sendable, Hashable, CustomStringConvertible {
    public var address: MailAddress
    /// Any text in one line; it is quoted or encoded as the header needs it.
    public var name: String?

    public init(_ address: MailAddress, name: String? = nil) {
        self.address = address
        self.name = name
    }

    public var description: String {
        name.map { "\($0) <\(address)>" } ?? address.description
    }

    /// The pieces between which the line of `header` may be folded.
    func tokens(for header: String) throws(MailMessageError) -> [String] {
        guard let name, !name.isEmpty else { return [address.description] }
        try HeaderWriter.checkLineBreaks(in: name, header: header)
        return Self.phrase(name) + ["<\(address)>"]
    }

    private static func phrase(_ name: String) -> [String] {
        let bytes = name.utf8
        guard bytes.allSatisfy({ (0x20...0x7E).contains($0) }), bytes.count <= 60, !EncodedWord.begins(in: name) else {
            // Short enough to follow any of the address headers' names on their line.
            return EncodedWord.words(for: name, firstLimit: 64)
        }
        let words = bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        if words.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isAtomCharacter) }) {
            return words.map { String(Substring($0)) }
        }
        let escaped = name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return ["\"\(escaped)\""]
    }
}
