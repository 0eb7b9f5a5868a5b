/// Hides whose addresses stand in a text: `anna@example.com` becomes `…@example.com`. What servers and libraries say may hold some.
enum AddressMask {
    static func masked(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if byte == UInt8(ascii: "@") {
                let before = bytes.count
                while let last = bytes.last, isLocal(last) { bytes.removeLast() }
                if bytes.count < before { bytes.append(contentsOf: "…".utf8) }
            }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What may stand before the @ without quotes (RFC 5322, 3.2.3 and RFC 6531).
    private static func isLocal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...: true
        default: "!#$%&'*+-/=?^_`{|}~.".utf8.contains(byte)
        }
    }
}
