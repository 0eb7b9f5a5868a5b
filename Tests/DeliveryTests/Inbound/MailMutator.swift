import TestSupport

/// Breaks mails as networks, filters and attackers do; the seed alone determines how.
struct MailMutator {
    private static let tokens = [
        "\r\n", "\n\n", "--", "=?utf-8?B?", "?=", "Content-Type: multipart/report; boundary=\"x\"\n\n--x\n", "Content-Type: message/rfc822\n\n",
        "Content-Transfer-Encoding: base64\n", "Status: 5.1.1\n", "Action: failed\n", "550 5.1.1 ", "(#5.7.1)", "\0", "\u{FEFF}", "<", ">", "&#x41;",
        "<!--",
        "<script>", "\t", ": ", ";", "\"", "boundary=", "charset=utf-16", "charset=utf-7", "=\n", "%s", "X-Failed-Recipients: a@example.org\n", "> ",
        "On 3 Nov, a@example.com wrote:\n", "((((((((", "a:b:c:d:",
    ].map { Array($0.utf8) }
    /// So that doubling does not grow without end.
    private static let largest = 200_000

    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    /// One to six changes of one of `mails`.
    mutating func next(from mails: [[UInt8]]) -> [UInt8] {
        var bytes = mails.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            change(&bytes, others: mails)
        }
        return bytes.isEmpty ? [0x0A] : Array(bytes.prefix(Self.largest))
    }

    private mutating func change(_ bytes: inout [UInt8], others: [[UInt8]]) {
        guard !bytes.isEmpty else { return }
        switch Int.random(in: 0..<9, using: &random) {
        case 0:
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
        case 1: bytes.removeSubrange(range(in: bytes, atMost: 400))
        case 2: bytes.insert(contentsOf: bytes[range(in: bytes, atMost: 2_000)], at: place(in: bytes))
        case 3, 4: bytes.insert(contentsOf: Self.tokens.randomElement(using: &random) ?? [], at: place(in: bytes))
        case 5: bytes.removeSubrange(place(in: bytes)..<bytes.count)
        case 6:
            let other = others.randomElement(using: &random) ?? bytes
            guard !other.isEmpty else { return }
            bytes = Array(bytes[..<place(in: bytes)] + other[place(in: other)...])
        case 7:
            let token = Self.tokens.randomElement(using: &random) ?? []
            let repeated = (0..<Int.random(in: 2...600, using: &random)).flatMap { _ in token }
            bytes.insert(contentsOf: repeated, at: place(in: bytes))
        default:
            // Codes change into each other most dangerously.
            let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
            for _ in 0..<Int.random(in: 1...10, using: &random) {
                guard let index = digits.randomElement(using: &random) else { return }
                bytes[index] = UInt8.random(in: 0x30...0x39, using: &random)
            }
        }
    }

    private mutating func place(in bytes: [UInt8]) -> Int {
        Int.random(in: 0...bytes.count, using: &random)
    }

    private mutating func range(in bytes: [UInt8], atMost limit: Int) -> Range<Int> {
        let start = Int.random(in: 0..<bytes.count, using: &random)
        return start..<min(bytes.count, start + Int.random(in: 1...limit, using: &random))
    }
}
