import Foundation

/// Reads CSV (RFC 4180) as it comes, a record at a time, with commas, semicolons or tabs, whichever the first line has most of.
///
/// Memory grows with one record, which has at most ``longestRecord`` bytes; a longer one is told as such, and what follows is read on.
struct SuppressionCSV {
    static let longestRecord = 8 * 1_024
    private static let mostFields = 64

    enum Record: Equatable {
        /// With the number of its first line, from 1.
        case fields([String], line: Int)
        case tooLong(line: Int)
        /// Bytes that are no UTF-8.
        case unreadable(line: Int)

        var line: Int {
            switch self {
            case .fields(_, let line), .tooLong(let line), .unreadable(let line): line
            }
        }
    }

    private var records: [Record] = []
    private var delimiter: UInt8?
    private var field: [UInt8] = []
    private var fields: [[UInt8]] = []
    private var length = 0
    private var line = 1
    private var firstLine = 1
    private var isQuoted = false
    /// Behind a quote inside a quoted field: its end, or the first of two.
    private var isAfterQuote = false
    private var isAfterReturn = false
    private var hasBegun = false
    private var isTooLong = false
    /// What comes before the first line's end, to tell the delimiter by.
    private var opening: [UInt8]? = []

    /// Takes what has come; complete records are in ``take()``.
    mutating func read(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            guard opening != nil else {
                step(byte)
                continue
            }
            opening?.append(byte)
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") || opening?.count == Self.longestRecord { open() }
        }
    }

    mutating func finish() {
        if opening != nil { open() }
        if hasBegun || !fields.isEmpty { endRecord() }
    }

    mutating func take() -> [Record] {
        defer { records = [] }
        return records
    }

    private mutating func open() {
        var bytes = opening ?? []
        opening = nil
        // The byte order mark of UTF-8 is none of the first field.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        let counts = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")].map { mark in (mark, bytes.count { $0 == mark }) }
        delimiter = counts.max { $0.1 < $1.1 }.flatMap { $0.1 > 0 ? $0.0 : nil } ?? UInt8(ascii: ",")
        for byte in bytes { step(byte) }
    }

    private mutating func step(_ byte: UInt8) {
        if isAfterReturn {
            isAfterReturn = false
            if byte == UInt8(ascii: "\n") { return }
        }
        if byte == UInt8(ascii: "\n") { line += 1 }
        length += 1
        if isQuoted {
            guard byte == UInt8(ascii: "\"") else { return append(byte) }
            (isQuoted, isAfterQuote) = (false, true)
            return
        }
        switch byte {
        case UInt8(ascii: "\"") where isAfterQuote:
            (isQuoted, isAfterQuote) = (true, false)
            append(byte)
        case UInt8(ascii: "\"") where field.isEmpty && !isAfterQuote:
            (isQuoted, hasBegun) = (true, true)
        case delimiter:
            endField()
            hasBegun = true
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
            if byte == UInt8(ascii: "\r") {
                isAfterReturn = true
                line += 1
            }
            if hasBegun || !fields.isEmpty { endRecord() } else { begin() }
        default:
            isAfterQuote = false
            append(byte)
        }
    }

    private mutating func append(_ byte: UInt8) {
        hasBegun = true
        // What is too long is counted, and not kept. A quote that never ends must not swallow the file: its record ends with its line.
        if length <= Self.longestRecord {
            field.append(byte)
            return
        }
        isTooLong = true
        if isQuoted, byte == UInt8(ascii: "\n") { endRecord() }
    }

    private mutating func endField() {
        isAfterQuote = false
        if fields.count < Self.mostFields { fields.append(field) }
        field.removeAll(keepingCapacity: true)
    }

    private mutating func endRecord() {
        endField()
        if isTooLong || length > Self.longestRecord + 1 {
            records.append(.tooLong(line: firstLine))
        } else {
            let texts = fields.compactMap { String(validating: $0, as: UTF8.self) }
            records.append(texts.count == fields.count ? .fields(texts, line: firstLine) : .unreadable(line: firstLine))
        }
        begin()
    }

    private mutating func begin() {
        fields.removeAll(keepingCapacity: true)
        field.removeAll(keepingCapacity: true)
        (length, isQuoted, isAfterQuote, hasBegun, isTooLong) = (0, false, false, false, false)
        firstLine = line
    }

    /// One record to write, with what a spreadsheet would take for a formula made harmless.
    static func line(_ cells: [String]) -> String {
        cells.map { cell in
            let isFormula = cell.utf8.first.map { "=+-@\t\r".utf8.contains($0) } ?? false
            let text = isFormula ? "'" + cell : cell
            return text.utf8.contains { ",\"\n\r".utf8.contains($0) } ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
        }.joined(separator: ",") + "\r\n"
    }
}
