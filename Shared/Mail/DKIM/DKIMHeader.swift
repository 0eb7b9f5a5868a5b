/// Where the fields of a mail's header stand, and their relaxed form (RFC 6376, 3.4.2).
struct DKIMHeader {
    struct Field {
        let start: Int
        let colon: Int
        /// Before the field's last line end.
        let end: Int
    }

    let fields: [Field]
    /// Where the body begins, behind the empty line.
    let bodyStart: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(DKIMError) {
        var fields: [Field] = []
        fields.reserveCapacity(16)
        var index = 0
        while index < bytes.count {
            let start = index
            var (end, next) = Self.line(in: bytes, from: start)
            if end == start {
                index = next
                break
            }
            // A field goes on as long as lines begin with a blank.
            while next < bytes.count, Self.isBlank(bytes[next]) { (end, next) = Self.line(in: bytes, from: next) }
            var colon = start
            while colon < end, bytes[colon] != UInt8(ascii: ":") { colon += 1 }
            guard colon < end, colon > start, !Self.isBlank(bytes[start]) else { throw .malformedHeader }
            fields.append(Field(start: start, colon: colon, end: end))
            index = next
        }
        self.fields = fields
        bodyStart = index
    }

    /// Whether the field has this name, given in lower case.
    static func hasName(_ name: [UInt8], _ field: Field, in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var end = field.colon
        while end > field.start, isBlank(bytes[end - 1]) { end -= 1 }
        guard end - field.start == name.count else { return false }
        for index in 0..<name.count where lowered(bytes[field.start + index]) != name[index] { return false }
        return true
    }

    /// Appends the field as it is hashed, without a line end: the name in lower case, one line, single spaces, none around the colon or at the end.
    static func appendRelaxed(_ field: Field, of bytes: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        for index in field.start..<field.colon where !isBlank(bytes[index]) { output.append(lowered(bytes[index])) }
        output.append(UInt8(ascii: ":"))
        var hasBlank = false
        var hasBegun = false
        for index in field.colon + 1..<max(field.end, field.colon + 1) {
            let byte = bytes[index]
            if isBlank(byte) {
                hasBlank = true
            } else if byte != .carriageReturn, byte != .lineFeed {
                if hasBlank, hasBegun { output.append(UInt8(ascii: " ")) }
                hasBlank = false
                hasBegun = true
                output.append(byte)
            }
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
    }

    /// Where the line ends and where the next begins.
    private static func line(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> (end: Int, next: Int) {
        var index = start
        while index < bytes.count, bytes[index] != .carriageReturn, bytes[index] != .lineFeed { index += 1 }
        guard index < bytes.count else { return (index, index) }
        let isPair = bytes[index] == .carriageReturn && index + 1 < bytes.count && bytes[index + 1] == .lineFeed
        return (index, index + (isPair ? 2 : 1))
    }
}
