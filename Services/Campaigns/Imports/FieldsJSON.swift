import Foundation

/// A JSON object that is written as its members come, without an encoder: there is one for each row of a file.
struct FieldsJSON {
    private var bytes: [UInt8] = []

    /// The object so far.
    var object: String {
        bytes.isEmpty ? "{}" : String(decoding: bytes, as: UTF8.self) + "}"
    }

    /// Of the object, in bytes.
    var size: Int { bytes.count + 1 }

    /// Both objects in one, where both have a member with that of the later; the first as it is where that would be larger than `limit`.
    static func merged(_ first: String, _ later: String, atMost limit: Int) -> String {
        guard later != "{}" else { return first }
        guard first != "{}" else { return later }
        let decoder = JSONDecoder()
        guard let old = try? decoder.decode([String: CustomValue].self, from: Data(first.utf8)),
            let new = try? decoder.decode([String: CustomValue].self, from: Data(later.utf8))
        else { return first }
        let values = old.merging(new) { $1 }
        var fields = FieldsJSON()
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { fields.add(key, value) }
        return fields.size <= limit ? fields.object : first
    }

    /// Adds text, which must be UTF-8.
    mutating func add(_ key: String, text: some Collection<UInt8>) {
        begin(key)
        append(text)
    }

    mutating func add(_ key: String, _ value: CustomValue) {
        switch value {
        case .text(let text): add(key, text: text.utf8)
        case .number, .boolean:
            begin(key)
            bytes.append(contentsOf: value.text.utf8)
        }
    }

    private mutating func begin(_ key: String) {
        bytes.append(bytes.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
        append(key.utf8)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func append(_ text: some Collection<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(contentsOf: [0x5C, 0x75, 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
