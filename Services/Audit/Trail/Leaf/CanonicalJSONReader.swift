/// Reads what Postgres writes of a `jsonb`: several small ones stand in each entry, and a general decoder takes longer for them than all the rest
/// of a search or an export.
struct CanonicalJSONReader {
    /// The text is not JSON, or holds a number that is no integer: nothing of that is in the trail.
    struct Malformed: Error {}

    private static let deepest = 32

    private let bytes: [UInt8]
    private var place = 0

    private init(_ text: String) {
        bytes = Array(text.utf8)
    }

    static func read(_ text: String) throws(Malformed) -> CanonicalJSON {
        var reader = CanonicalJSONReader(text)
        let value = try reader.value(depth: 0)
        reader.skipSpaces()
        guard reader.place == reader.bytes.count else { throw Malformed() }
        return value
    }

    private mutating func skipSpaces() {
        while place < bytes.count {
            switch bytes[place] {
            case 0x20, 0x0A, 0x0D, 0x09: place += 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpaces()
        guard place < bytes.count, bytes[place] == byte else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ text: StaticString, as value: CanonicalJSON) throws(Malformed) -> CanonicalJSON {
        for offset in 0..<text.utf8CodeUnitCount {
            guard place < bytes.count, bytes[place] == text.utf8Start[offset] else { throw Malformed() }
            place += 1
        }
        return value
    }

    private mutating func value(depth: Int) throws(Malformed) -> CanonicalJSON {
        skipSpaces()
        guard depth < Self.deepest, place < bytes.count else { throw Malformed() }
        switch bytes[place] {
        case UInt8(ascii: "n"): return try expect("null", as: .null)
        case UInt8(ascii: "t"): return try expect("true", as: .boolean(true))
        case UInt8(ascii: "f"): return try expect("false", as: .boolean(false))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "{"): return try object(depth: depth)
        default: return .integer(try integer())
        }
    }

    private mutating func array(depth: Int) throws(Malformed) -> CanonicalJSON {
        place += 1
        var elements: [CanonicalJSON] = []
        guard !take(UInt8(ascii: "]")) else { return .array([]) }
        repeat { elements.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw Malformed() }
        return .array(elements)
    }

    private mutating func object(depth: Int) throws(Malformed) -> CanonicalJSON {
        place += 1
        var members: [CanonicalJSON.Member] = []
        guard !take(UInt8(ascii: "}")) else { return .object([]) }
        repeat {
            skipSpaces()
            guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { throw Malformed() }
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw Malformed() }
            members.append(CanonicalJSON.Member(name, try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw Malformed() }
        return .object(members)
    }

    private mutating func integer() throws(Malformed) -> Int64 {
        let start = place
        while place < bytes.count, (0x30...0x39).contains(bytes[place]) || (place == start && bytes[place] == UInt8(ascii: "-")) { place += 1 }
        // What goes on is a fraction or an exponent.
        guard place == bytes.count || ![UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[place]),
            let number = Int64(String(decoding: bytes[start..<place], as: UTF8.self))
        else { throw Malformed() }
        return number
    }

    private mutating func string() throws(Malformed) -> String {
        place += 1
        let start = place
        while place < bytes.count, bytes[place] != UInt8(ascii: "\""), bytes[place] != UInt8(ascii: "\\") { place += 1 }
        guard place < bytes.count else { throw Malformed() }
        if bytes[place] == UInt8(ascii: "\"") {
            place += 1
            return String(decoding: bytes[start..<place - 1], as: UTF8.self)
        }
        var text = Array(bytes[start..<place])
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") { text += try escaped() } else { text.append(byte) }
        }
        throw Malformed()
    }

    /// What stands behind a backslash.
    private mutating func escaped() throws(Malformed) -> [UInt8] {
        guard place < bytes.count else { throw Malformed() }
        let byte = bytes[place]
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try scalar())).utf8)
        default: throw Malformed()
        }
    }

    private mutating func scalar() throws(Malformed) -> Unicode.Scalar {
        let first = try unit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800...0xDBFF).contains(first), place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"), bytes[place + 1] == UInt8(ascii: "u")
        else { throw Malformed() }
        place += 2
        let second = try unit()
        guard (0xDC00...0xDFFF).contains(second), let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) else {
            throw Malformed()
        }
        return scalar
    }

    private mutating func unit() throws(Malformed) -> UInt32 {
        guard place + 4 <= bytes.count, let unit = UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16),
            bytes[place] != UInt8(ascii: "+"), bytes[place] != UInt8(ascii: "-")
        else { throw Malformed() }
        place += 4
        return unit
    }
}

extension CanonicalJSON {
    /// Nil for what is no text.
    var string: String? {
        if case .string(let text) = self { return text }
        return nil
    }

    var elements: [CanonicalJSON]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    var members: [Member]? {
        if case .object(let members) = self { return members }
        return nil
    }

    /// The text of a member; nil where there is none.
    func text(_ name: String) -> String? { members?.first { $0.name == name }?.value.string }

    /// An object whose members are all texts.
    var texts: [String: String]? {
        guard let members else { return nil }
        var texts: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else { return nil }
            texts[member.name] = text
        }
        return texts
    }
}
