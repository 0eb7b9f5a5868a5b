/// One record of a CSV file, or why it could not be read.
struct CSVRecord: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        case fields([String])
        case unreadable(Problem)
    }

    enum Problem: String, Sendable {
        case invalidEncoding = "invalid_encoding"
        case nulCharacter = "nul_character"
        case recordTooLong = "record_too_long"
        case unclosedQuote = "unclosed_quote"
    }

    /// The line in the file at which the record begins, counted from 1.
    let line: Int
    let content: Content
}

/// Reads CSV (RFC 4180) byte by byte, in whatever pieces it comes, in bounded memory.
///
/// Quoted fields may hold commas, quotes and line ends; lines end with LF, CRLF or CR. A record that cannot be read is reported and the next
/// one is read: nothing in a file is fatal.
struct CSVParser {
    private enum State {
        case fieldStart
        case plain
        case quoted
        case quoteInQuoted
    }

    /// Longer records are not kept, only counted past.
    static let maximumRecord = 1 << 20

    private var state = State.fieldStart
    private var fields: [String] = []
    private var field: [UInt8] = []
    private var size = 0
    private var line = 1
    private var recordLine = 1
    private var problem: CSVRecord.Problem?
    private var sawCarriageReturn = false
    private var position = 0
    private let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    init() {}

    /// Reads the next piece and gives the records that it completes.
    mutating func read(_ bytes: some Sequence<UInt8>) -> [CSVRecord] {
        var records: [CSVRecord] = []
        for byte in bytes {
            defer { position += 1 }
            if position < 3, byte == byteOrderMark[position], field.isEmpty, fields.isEmpty { continue }
            if let record = step(byte) { records.append(record) }
        }
        return records
    }

    /// The record that the end of the file completes.
    mutating func finish() -> CSVRecord? {
        if state == .quoted { problem = problem ?? .unclosedQuote }
        guard state != .fieldStart || !fields.isEmpty || problem != nil else { return nil }
        return endRecord()
    }

    private mutating func step(_ byte: UInt8) -> CSVRecord? {
        // CR LF is one line end, also when a piece ends between them.
        let followsCarriageReturn = sawCarriageReturn
        sawCarriageReturn = byte == UInt8(ascii: "\r")
        if byte == UInt8(ascii: "\n") && followsCarriageReturn {
            if state == .quoted { append(byte) }
            return nil
        }
        if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { line += 1 }
        switch state {
        case .quoted:
            if byte == UInt8(ascii: "\"") { state = .quoteInQuoted } else { append(byte) }
            return nil
        case .quoteInQuoted where byte == UInt8(ascii: "\""):
            append(byte)
            state = .quoted
            return nil
        case .fieldStart where byte == UInt8(ascii: "\""):
            state = .quoted
            return nil
        default:
            return stepOutsideQuotes(byte)
        }
    }

    private mutating func stepOutsideQuotes(_ byte: UInt8) -> CSVRecord? {
        switch byte {
        case UInt8(ascii: ","):
            endField()
            state = .fieldStart
            return nil
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
            // An empty line is no record.
            if state == .fieldStart && fields.isEmpty && problem == nil {
                recordLine = line
                return nil
            }
            return endRecord()
        default:
            append(byte)
            state = .plain
            return nil
        }
    }

    private mutating func append(_ byte: UInt8) {
        size += 1
        guard size <= Self.maximumRecord else {
            problem = problem ?? .recordTooLong
            field.removeAll()
            fields.removeAll()
            return
        }
        if byte == 0 { problem = problem ?? .nulCharacter }
        field.append(byte)
    }

    private mutating func endField() {
        if problem == nil {
            if let text = String(validating: field, as: UTF8.self) { fields.append(text) } else { problem = .invalidEncoding }
        }
        field.removeAll(keepingCapacity: true)
    }

    private mutating func endRecord() -> CSVRecord {
        endField()
        let record = CSVRecord(line: recordLine, content: problem.map { .unreadable($0) } ?? .fields(fields))
        state = .fieldStart
        fields = []
        problem = nil
        size = 0
        recordLine = line
        return record
    }
}
