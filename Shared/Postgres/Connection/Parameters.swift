import CPostgres

/// A statement's parameters as libpq takes them.
struct Parameters {
    let count: Int32
    private let oids: [Oid]
    private let strings: CStringArray

    init(_ binds: [PostgresBind]) throws(PostgresError) {
        for bind in binds where bind.text?.utf8.contains(0) == true {
            throw PostgresError(.invalidInput, message: "text with a NUL character cannot be stored")
        }
        count = Int32(binds.count)
        oids = binds.map { Oid($0.oid) }
        strings = CStringArray(binds.map(\.text))
    }

    /// The types and values, good for the length of `body`.
    func withPointers<Value>(_ body: ([Oid], UnsafePointer<UnsafePointer<CChar>?>?) -> Value) -> Value {
        withExtendedLifetime(strings) { body(oids, count == 0 ? nil : strings.pointers) }
    }
}

extension SQL {
    /// Bytes on the wire, roughly.
    var size: Int {
        text.utf8.count + binds.reduce(0) { $0 + ($1.text?.utf8.count ?? 0) + 8 }
    }
}

extension PostgresError {
    /// Reads the fields of a failed result; the message never holds parameter values.
    init(result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        let state = field("C")
        let message = field("M") ?? String(cString: PQresultErrorMessage(result)).trimmed
        self.init(
            state.map(PostgresError.code(forState:)) ?? .connectionLost, message: message.isEmpty ? "no answer from the server" : message,
            sqlState: state, constraint: field("n"))
    }
}

/// One line of COPY's text format.
func appendCopyLine(_ fields: [String?], to buffer: inout [UInt8]) {
    for (index, field) in fields.enumerated() {
        if index > 0 { buffer.append(UInt8(ascii: "\t")) }
        guard let field else {
            buffer += [UInt8(ascii: "\\"), UInt8(ascii: "N")]
            continue
        }
        for byte in field.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): buffer += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
            case UInt8(ascii: "\t"): buffer += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case UInt8(ascii: "\n"): buffer += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case UInt8(ascii: "\r"): buffer += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            default: buffer.append(byte)
            }
        }
    }
    buffer.append(UInt8(ascii: "\n"))
}
