/// Reads CSV (RFC 4180) in whatever pieces it comes, in bounded memory; any ASCII character may divide the fields.
///
/// Quoted fields may hold delimiters, quotes and line ends; a quote inside a plain field is itself; lines end with LF, CRLF or CR. A record that
/// cannot be read is reported and the next one is read: nothing in a file is fatal. Whole spans of ordinary bytes are taken at once.
struct CSVParser {
    private enum State {
        case fieldStart
        case plain
        case quoted
        case quoteInQuoted
        /// After a quote that was given up, until the line ends.
        case skipping
    }

    /// Longer records are not kept, only counted past.
    static let maximumRecord = 1 << 20
    /// What is kept of a longer one, to show it.
    static let keptOfLongRecord = 16 << 10
    private static let keptFields = 1_000

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    private let delimiter: UInt8
    /// Whether bytes that are no UTF-8 are Windows-1252: until a character of several bytes has shown that the file is UTF-8.
    private var mayBeWindows1252: Bool
    private var state = State.fieldStart
    private var records = CSVRecords()
    private var line = 1
    private var sawCarriageReturn = false

    // Of the record being read, whose text and fields lie behind those of the finished ones.
    private var recordLine = 1
    private var recordStart = 0
    private var firstField = 0
    private var recordSize = 0
    private var isCut = false
    private var problem: CSVRecord.Problem?

    // Of the field being read.
    private var fieldStart = 0
    private var fieldSize = 0
    private var quoteLine = 1
    private var hasHighBytes = false

    init(delimiter: UInt8 = UInt8(ascii: ","), mayBeWindows1252: Bool = false) {
        self.delimiter = delimiter
        self.mayBeWindows1252 = mayBeWindows1252
    }

    /// Reads the next piece; ``take()`` gives what it completed.
    mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < bytes.count {
            if sawCarriageReturn {
                sawCarriageReturn = false
                // CR LF is one line end, also when a piece ends between them.
                if bytes[index] == Self.lineFeed {
                    if state == .quoted { append(UnsafeBufferPointer(rebasing: bytes[index..<(index + 1)]), high: 0) }
                    index += 1
                    continue
                }
            }
            switch state {
            case .fieldStart where bytes[index] == Self.quote:
                state = .quoted
                quoteLine = line
                index += 1
            case .fieldStart, .plain:
                index = readPlain(bytes, from: index)
            case .quoted:
                index = readQuoted(bytes, from: index)
            case .quoteInQuoted:
                // A doubled quote is one; anything else has left the quotes.
                if bytes[index] == Self.quote {
                    append(UnsafeBufferPointer(rebasing: bytes[index..<(index + 1)]), high: 0)
                    index += 1
                    state = .quoted
                } else {
                    state = .plain
                }
            case .skipping:
                index = skip(bytes, from: index)
            }
        }
    }

    /// The file ends here.
    mutating func finish() {
        if state == .quoted {
            problem = problem ?? .unclosedQuote
            recordLine = quoteLine
        }
        guard state != .fieldStart || records.ends.count > firstField || problem != nil else { return }
        endRecord()
    }

    /// The records completed since the last call.
    mutating func take() -> CSVRecords {
        guard !records.entries.isEmpty else { return CSVRecords() }
        // The record that has begun goes on in a fresh batch; it began in the last piece, so there is little to move.
        var rest = CSVRecords()
        rest.text.reserveCapacity(records.text.count)
        rest.text.append(contentsOf: records.text[recordStart...])
        rest.ends = records.ends[firstField...].map { $0 - recordStart }
        let complete = records
        records = rest
        fieldStart -= recordStart
        recordStart = 0
        firstField = 0
        return complete
    }

    // MARK: - Spans

    private mutating func readPlain(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        var high: UInt8 = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == delimiter { break }
            if byte < 0x20 {
                if byte == Self.lineFeed || byte == Self.carriageReturn { break }
                if byte == 0 { problem = problem ?? .nulCharacter }
            }
            high |= byte
            index += 1
        }
        if index > start {
            append(UnsafeBufferPointer(rebasing: bytes[start..<index]), high: high)
            state = .plain
        }
        guard index < bytes.count else { return index }
        if bytes[index] == delimiter {
            endField()
            state = .fieldStart
        } else {
            endLine(bytes[index])
        }
        return index + 1
    }

    private mutating func readQuoted(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        var high: UInt8 = 0
        // Never a byte more than the limit in one go: wherever the pieces are cut, a quote is given up at the same place.
        let end = min(bytes.count, start + Self.maximumRecord + 1 - fieldSize)
        while index < end {
            let byte = bytes[index]
            if byte == Self.quote { break }
            if byte < 0x20 {
                if byte == Self.carriageReturn || byte == Self.lineFeed && (index == start || bytes[index - 1] != Self.carriageReturn) { line += 1 }
                if byte == 0 { problem = problem ?? .nulCharacter }
            }
            high |= byte
            index += 1
        }
        if index > start { append(UnsafeBufferPointer(rebasing: bytes[start..<index]), high: high) }
        if fieldSize > Self.maximumRecord {
            giveUpQuote()
        } else if index < end {
            state = .quoteInQuoted
            return index + 1
        }
        sawCarriageReturn = index > start && bytes[index - 1] == Self.carriageReturn
        return index
    }

    /// A quote that is not closed within the limit was probably never meant to be one. What lies behind its line has gone by and is not there to
    /// be read again, since the file is a stream; so the quote is reported with the line at which it began, and reading goes on behind the next
    /// line end after the limit.
    private mutating func giveUpQuote() {
        cut()
        problem = .unclosedQuote
        recordLine = quoteLine
        state = .skipping
    }

    private mutating func skip(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != Self.lineFeed, bytes[index] != Self.carriageReturn { index += 1 }
        guard index < bytes.count else { return index }
        endLine(bytes[index])
        return index + 1
    }

    private mutating func append(_ span: UnsafeBufferPointer<UInt8>, high: UInt8) {
        recordSize += span.count
        fieldSize += span.count
        guard !isCut else { return }
        hasHighBytes = hasHighBytes || high >= 0x80
        guard recordSize > Self.maximumRecord else { return records.text.append(contentsOf: span) }
        let room = Self.keptOfLongRecord - (records.text.count - recordStart)
        if room > 0 { records.text.append(contentsOf: span.prefix(room)) }
        cut()
    }

    /// From here on the record's text is not kept.
    private mutating func cut() {
        guard !isCut else { return }
        isCut = true
        problem = problem ?? .recordTooLong
        let limit = min(records.text.count, recordStart + Self.keptOfLongRecord)
        records.text.removeLast(records.text.count - limit)
        records.ends.removeLast(max(0, records.ends.count - firstField - Self.keptFields))
        while records.ends.count > firstField, let last = records.ends.last, last > limit { records.ends.removeLast() }
    }

    // MARK: - Ends

    private mutating func endField() {
        // Delimiters count too: a record of nothing else must not grow without end.
        recordSize += 1
        fieldSize = 0
        if recordSize > Self.maximumRecord { cut() }
        guard !isCut else { return }
        if hasHighBytes { checkEncoding() }
        hasHighBytes = false
        records.ends.append(records.text.count)
        fieldStart = records.text.count
    }

    private mutating func checkEncoding() {
        if String(validating: records.text[fieldStart...], as: UTF8.self) != nil {
            mayBeWindows1252 = false
        } else if mayBeWindows1252 {
            let field = Array(records.text[fieldStart...])
            var decoded: [UInt8] = []
            var decoder = FileDecoder(.windows1252)
            field.withUnsafeBufferPointer { decoder.decode($0, into: &decoded) }
            records.text.replaceSubrange(fieldStart..., with: decoded)
        } else {
            problem = problem ?? .invalidEncoding
        }
    }

    private mutating func endLine(_ byte: UInt8) {
        line += 1
        sawCarriageReturn = byte == Self.carriageReturn
        // An empty line is no record.
        if state == .fieldStart && records.ends.count == firstField && problem == nil {
            recordLine = line
        } else {
            endRecord()
        }
    }

    private mutating func endRecord() {
        endField()
        if isCut { records.ends.append(records.text.count) }
        records.entries.append(.init(line: recordLine, problem: problem, start: recordStart, fields: firstField..<records.ends.count))
        state = .fieldStart
        recordLine = line
        recordStart = records.text.count
        firstField = records.ends.count
        recordSize = 0
        isCut = false
        problem = nil
        fieldStart = recordStart
        hasHighBytes = false
    }
}
