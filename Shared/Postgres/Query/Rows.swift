import CPostgres

/// What a statement answered: its rows, and how many rows it touched.
public struct Rows: Sendable, RandomAccessCollection {
    let storage: ResultStorage

    /// Rows inserted, updated, deleted or selected.
    public var affected: Int { storage.affected }

    public var startIndex: Int { 0 }
    public var endIndex: Int { storage.count }

    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < storage.count, "row out of range")
        return Row(storage: storage, index: position)
    }
}

/// One row; columns are read by name.
public struct Row: Sendable {
    let storage: ResultStorage
    let index: Int

    /// The column's value; an error when the column is missing, NULL or of another form.
    public func decode<Value: PostgresDecodable>(_ column: StaticString, as type: Value.Type = Value.self) throws(PostgresError) -> Value {
        guard let value: Value = try decodeOptional(column) else {
            throw PostgresError(.decoding, message: "column \(column) is NULL")
        }
        return value
    }

    /// The column's value, nil for NULL.
    public func decodeOptional<Value: PostgresDecodable>(
        _ column: StaticString, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value? {
        guard let number = storage.column(column) else {
            throw PostgresError(.decoding, message: "no column \(column)")
        }
        guard let bytes = storage.value(row: index, column: number) else { return nil }
        guard let value = Value(postgresText: bytes) else {
            throw PostgresError(.decoding, message: "column \(column) is not a \(Value.self)")
        }
        return value
    }

    /// The column's value as the enumeration it is the raw value of.
    public func decode<Value: RawRepresentable>(_ column: StaticString, as type: Value.Type = Value.self) throws(PostgresError) -> Value
    where Value.RawValue: PostgresDecodable {
        let raw: Value.RawValue = try decode(column)
        guard let value = Value(rawValue: raw) else {
            throw PostgresError(.decoding, message: "column \(column) is not a \(Value.self)")
        }
        return value
    }
}

/// A `PGresult` and its columns' names.
///
/// `@unchecked Sendable`: libpq documents a `PGresult` as read-only once made, so threads may share it; it is freed with the last reference.
final class ResultStorage: @unchecked Sendable {
    private let result: OpaquePointer
    private let columns: [String: Int32]
    let count: Int
    let affected: Int

    init(owning result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
        let touched = PQcmdTuples(result).map { String(cString: $0) } ?? ""
        affected = Int(touched) ?? count
        var columns: [String: Int32] = [:]
        for number in 0..<PQnfields(result) {
            guard let name = PQfname(result, number) else { continue }
            columns[String(cString: name)] = number
        }
        self.columns = columns
    }

    deinit {
        PQclear(result)
    }

    func column(_ name: StaticString) -> Int32? {
        columns[name.description]
    }

    /// The bytes are good as long as this object lives; nil is NULL.
    func value(row: Int, column: Int32) -> UnsafeBufferPointer<UInt8>? {
        guard PQgetisnull(result, Int32(row), column) == 0, let start = PQgetvalue(result, Int32(row), column) else { return nil }
        let length = Int(PQgetlength(result, Int32(row), column))
        return UnsafeBufferPointer(start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: length)
    }
}
