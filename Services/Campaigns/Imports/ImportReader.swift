/// Turns the bytes of a file, however they are cut, into records: finds out encoding and delimiter from its beginning, then decodes and parses.
struct ImportReader {
    /// How much of a file is looked at before anything is decided.
    static let sampleSize = 64 << 10

    /// Nil until enough was read.
    private(set) var encoding: FileEncoding?
    private(set) var delimiter: UInt8?
    private let isTabbed: Bool
    private let given: FileEncoding?
    private var beginning: [UInt8] = []
    private var decoder = FileDecoder(.utf8)
    private var parser = CSVParser()
    private var text: [UInt8] = []

    /// `isTabbed`: the sender said that tabs divide the fields. `encoding`: nil is found out.
    init(isTabbed: Bool = false, encoding: FileEncoding? = nil) {
        self.isTabbed = isTabbed
        given = encoding
    }

    /// Reads the next piece and gives the records that it completes.
    mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) -> CSVRecords {
        if encoding != nil {
            parse(bytes)
        } else {
            beginning.append(contentsOf: bytes)
            guard beginning.count >= Self.sampleSize else { return CSVRecords() }
            open()
        }
        return parser.take()
    }

    /// The records that the end of the file completes.
    mutating func finish() -> CSVRecords {
        if encoding == nil { open() }
        var rest: [UInt8] = []
        decoder.finish(into: &rest)
        rest.withUnsafeBufferPointer { parser.read($0) }
        parser.finish()
        return parser.take()
    }

    private mutating func open() {
        let bytes = beginning
        beginning = []
        bytes.withUnsafeBufferPointer { whole in
            let sample = UnsafeBufferPointer(rebasing: whole.prefix(Self.sampleSize))
            let found = FileEncoding.detect(sample)
            let encoding = given ?? found.encoding
            let markLength = given.map { sample.starts(with: $0.mark) ? $0.mark.count : 0 } ?? found.markLength
            var readable: [UInt8] = []
            var sampler = FileDecoder(encoding)
            sampler.decode(UnsafeBufferPointer(rebasing: sample[markLength...]), into: &readable)
            let delimiter = isTabbed ? UInt8(ascii: "\t") : Delimiter.detect(readable)
            self.encoding = encoding
            self.delimiter = delimiter
            decoder = FileDecoder(encoding)
            parser = CSVParser(delimiter: delimiter, mayBeWindows1252: given == nil && encoding == .utf8 && markLength == 0)
            parse(UnsafeBufferPointer(rebasing: whole[markLength...]))
        }
    }

    private mutating func parse(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard encoding != .utf8 else { return parser.read(bytes) }
        // Taken out and put back, so that its memory is used again.
        var decoded = text
        text = []
        decoded.removeAll(keepingCapacity: true)
        decoder.decode(bytes, into: &decoded)
        decoded.withUnsafeBufferPointer { parser.read($0) }
        text = decoded
    }
}

/// What divides the fields of a file.
enum Delimiter {
    private static let candidates = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t"), UInt8(ascii: "|")]
    private static let lines = 20

    /// The candidate that stands as often in most of the first lines as in the very first; outside of quotes, and a comma where none does.
    static func detect(_ text: [UInt8]) -> UInt8 {
        let counts = count(text)
        guard let first = counts.first else { return candidates[0] }
        var best = (candidate: candidates[0], lines: 0, fields: 0)
        for (index, candidate) in candidates.enumerated() where first[index] > 0 {
            let agreeing = counts.count { $0[index] == first[index] }
            if agreeing > best.lines || agreeing == best.lines && first[index] > best.fields { best = (candidate, agreeing, first[index]) }
        }
        return best.candidate
    }

    /// How often each candidate stands in each of the first lines that are not empty; the last one may be cut.
    private static func count(_ text: [UInt8]) -> [[Int]] {
        var counts: [[Int]] = []
        var current = [0, 0, 0, 0]
        var (isQuoted, mayOpen, isEmpty, length) = (false, true, true, 0)
        for byte in text {
            length += 1
            if byte == UInt8(ascii: "\""), isQuoted || mayOpen {
                isQuoted.toggle()
                // A quote right behind a closing one was a doubled one.
                mayOpen = true
                isEmpty = false
                continue
            }
            if !isQuoted, byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if !isEmpty { counts.append(current) }
                if counts.count == lines { return counts }
                current = [0, 0, 0, 0]
                (isEmpty, mayOpen) = (true, true)
                continue
            }
            isEmpty = false
            mayOpen = false
            if !isQuoted, let index = candidates.firstIndex(of: byte) {
                current[index] += 1
                mayOpen = true
            }
        }
        if counts.isEmpty || length < ImportReader.sampleSize / 2, !isEmpty { counts.append(current) }
        return counts
    }
}
