import HTTP

/// What an import would make of a file, from its beginning; nothing is written.
struct ImportPreview: Encodable, Sendable {
    struct Column: Encodable, Sendable {
        let index: Int
        let header: String
        let target: String
        let confidence: Double
    }

    /// How much of a file is looked at; more is left out.
    static let maximumSize = 256 << 10
    private static let shownRows = 5
    private static let shownErrors = 100

    let encoding: FileEncoding?
    let delimiter: String?
    let hasHeader: Bool
    let columns: [Column]
    /// The first five rows, as they stand.
    let rows: [[String]]
    /// What is wrong with the rows that were looked at: the first hundred of it.
    let errors: [ImportRowError]

    /// `isWhole`: whether `beginning` is all of the file; otherwise its last record may be cut, and is left out.
    init(
        _ beginning: [UInt8], isWhole: Bool, isTabbed: Bool, encoding: FileEncoding? = nil, mapping given: String?, fields: [FieldRule]
    ) throws(HTTP.Problem) {
        var reader = ImportReader(isTabbed: isTabbed, encoding: encoding)
        var records = Array(beginning.withUnsafeBufferPointer { reader.read($0) })
        if isWhole || records.isEmpty { records += Array(reader.finish()) }
        guard !records.isEmpty else { throw HTTP.Problem.unprocessable(kind: "import_empty", title: "The file is empty.") }
        let mapping = try ColumnMapping(of: records, given: given, fields: fields)
        self.encoding = reader.encoding
        delimiter = reader.delimiter.map { String(UnicodeScalar($0)) }
        hasHeader = mapping.hasHeader
        columns = mapping.columns.enumerated().map { index, column in
            Column(index: index, header: column.header, target: column.target.name, confidence: column.confidence)
        }
        let body = records.dropFirst(mapping.hasHeader ? 1 : 0)
        rows = body.prefix(Self.shownRows).map { record in record.strings.map { String($0.prefix(1_000)) } }
        var found: [ImportRowError] = []
        // Without an e-mail column every row would only say so.
        for record in body where mapping.hasEmail && found.count < Self.shownErrors {
            do throws(LeadRow.Rejection) {
                _ = try LeadRow(record, mapping: mapping)
            } catch {
                found.append(RejectedRow(record, error).error)
            }
        }
        errors = found
    }
}
