/// Breaks bytes as networks, programs and attackers do; the seed alone determines how.
public struct ByteMutator {
    /// So that doubling does not grow without end.
    public static let largest = 100_000

    /// What is of meaning to whoever reads the bytes: put in whole.
    private let tokens: [[UInt8]]
    private var random: SeededRandom

    public init(seed: UInt64, tokens: [String]) {
        random = SeededRandom(seed: seed)
        self.tokens =
            (tokens + ["\0", "\r\n", "\n", "\"", "\\", "\u{FEFF}", "é", "😀", "e\u{301}", " ", ""]).map { Array($0.utf8) } + [
                [0xFF], [0xC3], [0xED, 0xA0, 0x80],
            ]
    }

    /// One to six changes of one of `corpus`.
    public mutating func next(from corpus: [[UInt8]]) -> [UInt8] {
        var bytes = corpus.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) { change(&bytes, others: corpus) }
        return Array(bytes.prefix(Self.largest))
    }

    /// Where to cut `count` bytes into pieces, as a network would.
    public mutating func cuts(of count: Int) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        let longest = [1, 2, 7, 64, 4_096].randomElement(using: &random) ?? 1
        while start < count {
            let end = min(count, start + Int.random(in: 1...longest, using: &random))
            ranges.append(start..<end)
            start = end
        }
        return ranges
    }

    private mutating func change(_ bytes: inout [UInt8], others: [[UInt8]]) {
        guard !bytes.isEmpty else {
            bytes = token()
            return
        }
        switch Int.random(in: 0..<9, using: &random) {
        case 0:
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
        case 1: bytes.removeSubrange(range(in: bytes, atMost: 400))
        case 2: bytes.insert(contentsOf: bytes[range(in: bytes, atMost: 2_000)], at: place(in: bytes))
        case 3, 4: bytes.insert(contentsOf: token(), at: place(in: bytes))
        case 5: bytes.removeSubrange(place(in: bytes)..<bytes.count)
        case 6:
            let other = others.randomElement(using: &random) ?? bytes
            bytes = Array(bytes[..<place(in: bytes)] + other[place(in: other)...])
        case 7:
            let token = token()
            let repeated = (0..<Int.random(in: 2...600, using: &random)).flatMap { _ in token }
            bytes.insert(contentsOf: repeated, at: place(in: bytes))
        default:
            // Numbers change into each other most dangerously.
            let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
            for _ in 0..<Int.random(in: 1...10, using: &random) {
                guard let index = digits.randomElement(using: &random) else { return }
                bytes[index] = UInt8.random(in: 0x30...0x39, using: &random)
            }
        }
        if bytes.count > Self.largest { bytes.removeLast(bytes.count - Self.largest) }
    }

    private mutating func token() -> [UInt8] {
        tokens.randomElement(using: &random) ?? []
    }

    private mutating func place(in bytes: [UInt8]) -> Int {
        Int.random(in: 0...bytes.count, using: &random)
    }

    private mutating func range(in bytes: [UInt8], atMost limit: Int) -> Range<Int> {
        let start = Int.random(in: 0..<bytes.count, using: &random)
        return start..<min(bytes.count, start + Int.random(in: 1...limit, using: &random))
    }
}
