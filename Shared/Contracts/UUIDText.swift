public import Foundation

/// The 36 characters of a UUID, read and written without Foundation's `sscanf` and `snprintf`: a busy service does both many times a mail.
extension UUID {
    /// Lower case, as on the wire.
    public var text: String {
        withUnsafeBytes(of: uuid) { bytes in
            String(unsafeUninitializedCapacity: 36) { output in
                var position = 0
                for index in bytes.indices {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        output[position] = UInt8(ascii: "-")
                        position += 1
                    }
                    output[position] = Self.digit(bytes[index] >> 4)
                    output[position + 1] = Self.digit(bytes[index] & 15)
                    position += 2
                }
                return position
            }
        }
    }

    /// Nil unless `text` is a UUID with its hyphens, in either case.
    public init?(text: String) {
        var text = text
        guard let value = text.withUTF8({ UUID(utf8: $0) }) else { return nil }
        self = value
    }

    /// As ``init(text:)``; not generic, since it is called across modules, where a generic one is a hundred times as slow.
    public init?(utf8: UnsafeBufferPointer<UInt8>) {
        guard utf8.count == 36 else { return nil }
        var value: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let isValid = withUnsafeMutableBytes(of: &value) { bytes in
            var position = 0
            for index in utf8.indices {
                if index == 8 || index == 13 || index == 18 || index == 23 {
                    guard utf8[index] == UInt8(ascii: "-") else { return false }
                    continue
                }
                guard let digit = Self.value(of: utf8[index]) else { return false }
                bytes[position / 2] = bytes[position / 2] << 4 | digit
                position += 1
            }
            return true
        }
        guard isValid else { return nil }
        self.init(uuid: value)
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
