/// One record of a CSV file; its fields are views into the batch that it was read with.
struct CSVRecord: Sendable {
    enum Problem: String, Sendable {
        case invalidEncoding = "invalid_encoding"
        case nulCharacter = "nul_character"
        case recordTooLong = "record_too_long"
        case unclosedQuote = "unclosed_quote"
    }

    /// The line in the file at which the record begins, counted from 1.
    let line: Int
    /// Why it cannot be taken as it is; what there is of its fields is then only good to be shown.
    let problem: Problem?
    private let text: [UInt8]
    private let start: Int
    private let ends: ArraySlice<Int>

    fileprivate init(_ entry: CSVRecords.Entry, of records: CSVRecords) {
        line = entry.line
        problem = entry.problem
        text = records.text
        start = entry.start
        ends = records.ends[entry.fields]
    }

    private init(copying record: CSVRecord) {
        line = record.line
        problem = record.problem
        text = Array(record.text[record.start..<(record.ends.last ?? record.start)])
        start = 0
        ends = record.ends.map { $0 - record.start }[...]
    }

    /// The record with its own text alone: kept, it does not keep the piece of the file that it was read with.
    var detached: CSVRecord { CSVRecord(copying: self) }

    /// How many bytes its text and the places of its fields take.
    var size: Int { (ends.last ?? start) - start + ends.count * MemoryLayout<Int>.stride }

    /// How many fields there are.
    var count: Int { ends.count }

    /// A field without its quotes, counted from 0.
    subscript(field: Int) -> ArraySlice<UInt8> {
        let position = ends.startIndex + field
        return text[(field == 0 ? start : ends[position - 1])..<ends[position]]
    }

    /// All fields; bytes that are no UTF-8 are replaced.
    var strings: [String] {
        (0..<count).map { String(decoding: self[$0], as: UTF8.self) }
    }
}

/// Records in the order of the file; their text lies in one piece, so that reading a record allocates nothing.
struct CSVRecords: Sendable, RandomAccessCollection {
    struct Entry: Sendable {
        let line: Int
        let problem: CSVRecord.Problem?
        /// Where the record's text begins.
        let start: Int
        /// Its part of `ends`.
        let fields: Range<Int>
    }

    var text: [UInt8] = []
    /// Where each field ends in `text`; it begins where the one before ends.
    var ends: [Int] = []
    var entries: [Entry] = []

    var startIndex: Int { 0 }
    var endIndex: Int { entries.count }

    subscript(position: Int) -> CSVRecord {
        CSVRecord(entries[position], of: self)
    }
}
