/// How the characters of a file are written.
enum FileEncoding: String, Codable, Sendable {
    case utf8 = "utf-8"
    case utf16LittleEndian = "utf-16le"
    case utf16BigEndian = "utf-16be"
    case windows1252 = "windows-1252"

    /// The byte order mark; empty where there is none.
    var mark: [UInt8] {
        switch self {
        case .utf8: [0xEF, 0xBB, 0xBF]
        case .utf16LittleEndian: [0xFF, 0xFE]
        case .utf16BigEndian: [0xFE, 0xFF]
        case .windows1252: []
        }
    }

    /// What the beginning of a file looks like, and how many bytes of it are a byte order mark.
    ///
    /// A few bytes that are no UTF-8 among more that are leave the file UTF-8, with broken rows; with no valid ones, it is Windows-1252.
    static func detect(_ beginning: UnsafeBufferPointer<UInt8>) -> (encoding: FileEncoding, markLength: Int) {
        for encoding in [FileEncoding.utf8, .utf16LittleEndian, .utf16BigEndian] where beginning.starts(with: encoding.mark) {
            return (encoding, encoding.mark.count)
        }
        if let encoding = utf16(beginning.prefix(4_096)) { return (encoding, 0) }
        let (valid, invalid) = count(beginning)
        return (invalid > valid ? .windows1252 : .utf8, 0)
    }

    /// Latin text in UTF-16 has a NUL in nearly every second byte, and hardly any between.
    private static func utf16(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> FileEncoding? {
        guard bytes.count >= 4 else { return nil }
        var zeros = [0, 0]
        for (offset, byte) in bytes.enumerated() where byte == 0 { zeros[offset % 2] += 1 }
        let half = bytes.count / 2
        if zeros[1] * 10 > half * 4, zeros[0] * 20 < half { return .utf16LittleEndian }
        if zeros[0] * 10 > half * 4, zeros[1] * 20 < half { return .utf16BigEndian }
        return nil
    }

    /// How many sequences of several bytes are UTF-8, and how many bytes belong to none; a sequence cut off by the end counts as neither.
    private static func count(_ bytes: UnsafeBufferPointer<UInt8>) -> (valid: Int, invalid: Int) {
        var (valid, invalid, index) = (0, 0, 0)
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x80 else {
                index += 1
                continue
            }
            let length =
                switch byte {
                case 0xC2..<0xE0: 2
                case 0xE0..<0xF0: 3
                case 0xF0..<0xF5: 4
                default: 1
                }
            let rest = bytes[(index + 1)..<min(bytes.count, index + length)]
            if length == 1 || !rest.allSatisfy({ $0 & 0xC0 == 0x80 }) {
                invalid += 1
                index += 1
            } else {
                if rest.count == length - 1 { valid += 1 }
                index += length
            }
        }
        return (valid, invalid)
    }
}

/// Turns pieces of a file into UTF-8, also where a character is cut by the end of a piece.
struct FileDecoder {
    private let encoding: FileEncoding
    private var halfUnit: UInt8?
    private var highSurrogate: UInt16?

    /// No UTF-8 holds this byte: what cannot be decoded makes its row one of invalid encoding, and no other.
    private static let undecodable: UInt8 = 0xFF

    init(_ encoding: FileEncoding) {
        self.encoding = encoding
    }

    /// Appends what the piece stands for to `text`.
    mutating func decode(_ bytes: UnsafeBufferPointer<UInt8>, into text: inout [UInt8]) {
        switch encoding {
        case .utf8: text.append(contentsOf: bytes)
        case .windows1252:
            text.reserveCapacity(text.count + bytes.count + bytes.count / 8)
            for byte in bytes {
                if byte < 0x80 {
                    text.append(byte)
                } else {
                    Self.append(byte < 0xA0 ? Self.windows1252[Int(byte - 0x80)] : UInt32(byte), to: &text)
                }
            }
        case .utf16LittleEndian, .utf16BigEndian:
            text.reserveCapacity(text.count + bytes.count)
            for byte in bytes {
                guard let first = halfUnit else {
                    halfUnit = byte
                    continue
                }
                halfUnit = nil
                take(encoding == .utf16LittleEndian ? UInt16(byte) << 8 | UInt16(first) : UInt16(first) << 8 | UInt16(byte), into: &text)
            }
        }
    }

    /// The file ends here.
    mutating func finish(into text: inout [UInt8]) {
        if halfUnit != nil || highSurrogate != nil { text.append(Self.undecodable) }
        halfUnit = nil
        highSurrogate = nil
    }

    private mutating func take(_ unit: UInt16, into text: inout [UInt8]) {
        if let high = highSurrogate {
            highSurrogate = nil
            if unit & 0xFC00 == 0xDC00 {
                return Self.append(0x10000 + (UInt32(high & 0x3FF) << 10 | UInt32(unit & 0x3FF)), to: &text)
            }
            text.append(Self.undecodable)
        }
        if unit & 0xFC00 == 0xD800 {
            highSurrogate = unit
        } else if unit & 0xFC00 == 0xDC00 {
            text.append(Self.undecodable)
        } else {
            Self.append(UInt32(unit), to: &text)
        }
    }

    private static func append(_ scalar: UInt32, to text: inout [UInt8]) {
        switch scalar {
        case 0..<0x80:
            text.append(UInt8(scalar))
        case 0x80..<0x800:
            text.append(0xC0 | UInt8(scalar >> 6))
            text.append(continuation(scalar))
        case 0x800..<0x10000:
            text.append(0xE0 | UInt8(scalar >> 12))
            text.append(continuation(scalar >> 6))
            text.append(continuation(scalar))
        default:
            text.append(0xF0 | UInt8(scalar >> 18))
            text.append(continuation(scalar >> 12))
            text.append(continuation(scalar >> 6))
            text.append(continuation(scalar))
        }
    }

    private static func continuation(_ bits: UInt32) -> UInt8 {
        0x80 | UInt8(truncatingIfNeeded: bits & 0x3F)
    }

    /// What 0x80 to 0x9F stand for (WHATWG Encoding, index windows-1252).
    private static let windows1252: [UInt32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
        0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
    ]
}
