import Foundation

/// Broken inputs for one reader of foreign bytes, made of its corpus (`Tests/Fuzz/corpus/<target>`); first the corpus itself.
///
/// Some thousand of them; as many as fit into PENGUIN_FUZZ_SECONDS where that is set. PENGUIN_SEED repeats a run: each input has the seed of the run
/// plus its number, so the seed that a failure names makes that input first.
public struct FuzzRun: Sequence, IteratorProtocol {
    public struct Input {
        public let bytes: [UInt8]
        /// How to make it again.
        public let name: String
        /// For whatever else the test draws.
        public var mutator: ByteMutator

        /// As text, where broken characters are replaced.
        public var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["PENGUIN_SEED"].flatMap { UInt64($0) } ?? 20_261_128
    private static let seconds = environment["PENGUIN_FUZZ_SECONDS"].flatMap { Double($0) }

    private let target: String
    private let tokens: [String]
    private let corpus: [[UInt8]]
    private let count: Int
    private let end: ContinuousClock.Instant?
    private var number = 0

    /// Throws when the target has no corpus. `count`: inputs of an ordinary run.
    public init(_ target: String, tokens: [String], count: Int = 3_000) throws {
        self.target = target
        self.tokens = tokens
        self.count = count
        end = Self.seconds.map { ContinuousClock.now + .milliseconds(Int64($0 * 1_000)) }
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fuzz/corpus/\(target)").standardized
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
        corpus = try names.map { [UInt8](try Data(contentsOf: folder.appending(path: $0))) }
        guard !corpus.isEmpty else { throw CocoaError(.fileReadNoSuchFile) }
    }

    public mutating func next() -> Input? {
        defer { number += 1 }
        if number < corpus.count {
            return Input(bytes: corpus[number], name: "\(target), corpus \(number)", mutator: ByteMutator(seed: UInt64(number), tokens: tokens))
        }
        let made = number - corpus.count
        if let end {
            guard ContinuousClock.now < end else { return nil }
        } else {
            guard made < count else { return nil }
        }
        let seed = Self.seed &+ UInt64(made)
        var mutator = ByteMutator(seed: seed, tokens: tokens)
        let bytes = mutator.next(from: corpus)
        return Input(bytes: bytes, name: "\(target), PENGUIN_SEED=\(seed)", mutator: mutator)
    }
}

/// Processor time of this thread alone, in seconds, so that a busy machine changes nothing.
public func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Whether so much processor time is in proportion to so many bytes, in a build without optimisation and with a sanitizer.
public func isInTime(_ seconds: Double, bytes: Int) -> Bool {
    seconds < 0.5 + Double(bytes) * 0.000_05
}
