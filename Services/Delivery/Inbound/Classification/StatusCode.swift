/// `class.subject.detail` of RFC 3463, as anybody writes it.
struct StatusCode: Sendable, Hashable, CustomStringConvertible {
    let `class`: Int
    let subject: Int
    let detail: Int

    /// The whole of a word, but for `#`, brackets and what ends a sentence; an address of the Internet is none.
    init?(_ word: some StringProtocol) {
        var bytes = ArraySlice(Array(word.utf8.prefix(24)))
        while let first = bytes.first, first == UInt8(ascii: "#") || first == UInt8(ascii: "(") || first == UInt8(ascii: "[") { bytes.removeFirst() }
        while let last = bytes.last, Self.ends.contains(last) { bytes.removeLast() }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 1, parts.allSatisfy({ (1...3).contains($0.count) && $0.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        let numbers = parts.map { $0.reduce(0) { $0 * 10 + Int($1) - 0x30 } }
        guard [2, 4, 5].contains(numbers[0]) else { return nil }
        (`class`, subject, detail) = (numbers[0], numbers[1], numbers[2])
    }

    private static let ends: [UInt8] = Array(")].,:;#>".utf8)

    /// Whether it says more than that something failed.
    var isSpecific: Bool { subject != 0 }

    var description: String { "\(`class`).\(subject).\(detail)" }

    /// A word without the reply code or status code at its beginning, as in `550-User` and `(#5.1.1)`.
    static func strippingCodes(_ word: Substring) -> Substring {
        if StatusCode(word) != nil { return "" }
        guard let code = replyCode(startOf: word) else { return word }
        let rest = word.dropFirst(code.length)
        return rest.isEmpty || StatusCode(rest) != nil ? "" : rest
    }

    /// `550`, `550-…`, `#550`, `550:`; nil for other words and longer numbers.
    static func replyCode(startOf word: some StringProtocol) -> (code: Int, length: Int)? {
        var bytes = ArraySlice(Array(word.utf8.prefix(8)))
        var length = 0
        while let first = bytes.first, first == UInt8(ascii: "#") || first == UInt8(ascii: "(") {
            bytes.removeFirst()
            length += 1
        }
        let digits = bytes.prefix { (0x30...0x39).contains($0) }
        guard digits.count == 3, let first = digits.first, first == UInt8(ascii: "4") || first == UInt8(ascii: "5") else { return nil }
        length += 3
        if let next = bytes.dropFirst(3).first {
            guard next == UInt8(ascii: "-") || next == UInt8(ascii: ":") || next == UInt8(ascii: ",") || next == UInt8(ascii: ")") else { return nil }
            length += 1
        }
        return (digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }, length)
    }
}
