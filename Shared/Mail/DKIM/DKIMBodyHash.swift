import Crypto

/// The digest of a body in its relaxed form (RFC 6376, 3.4.4), made as the body comes: no more of it is held than a buffer.
///
/// What ends a line here is what ends one on the wire: CRLF, and a lone CR or LF, which ``DotStuffing`` sends as CRLF.
struct DKIMBodyHash {
    private static let room = 4_096

    private var hash = SHA256()
    private var buffer: [UInt8] = []
    /// Line ends of which it is not known yet whether anything follows them: the empty lines at the end do not count.
    private var lineEnds = 0
    private var hasBlank = false
    private var endsWithCarriageReturn = false
    private var isEmpty = true

    init() {
        buffer.reserveCapacity(Self.room + 256)
    }

    /// Takes the next bytes, wherever they were cut.
    mutating func update(_ bytes: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let followsCarriageReturn = endsWithCarriageReturn
            endsWithCarriageReturn = false
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"): hasBlank = true
            case .carriageReturn:
                endLine()
                endsWithCarriageReturn = true
            case .lineFeed:
                if !followsCarriageReturn { endLine() }
            default:
                let end = Self.endOfRun(in: bytes, from: index)
                append(UnsafeBufferPointer(rebasing: bytes[index..<end]))
                index = end
                continue
            }
            index += 1
        }
    }

    /// The digest; a body without any character but blanks and line ends is the empty one.
    consuming func finish() -> SHA256.Digest {
        if !isEmpty { buffer += .lineEnd }
        hash.update(data: buffer)
        return hash.finalize()
    }

    /// Behind what is copied as it stands: a single space between two characters is.
    private static func endOfRun(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start + 1
        while index < bytes.count {
            if bytes[index] > 0x20 {
                index += 1
            } else if bytes[index] == 0x20, index + 1 < bytes.count, bytes[index + 1] > 0x20 {
                index += 2
            } else {
                break
            }
        }
        return index
    }

    private mutating func endLine() {
        lineEnds += 1
        // Blanks at the end of a line are none.
        hasBlank = false
    }

    private mutating func append(_ run: UnsafeBufferPointer<UInt8>) {
        while lineEnds > 0 {
            buffer += .lineEnd
            lineEnds -= 1
            if buffer.count >= Self.room { flush() }
        }
        if hasBlank { buffer.append(UInt8(ascii: " ")) }
        hasBlank = false
        isEmpty = false
        buffer.append(contentsOf: run)
        if buffer.count >= Self.room { flush() }
    }

    private mutating func flush() {
        hash.update(data: buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
