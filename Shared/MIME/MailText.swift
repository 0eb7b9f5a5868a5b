import CGMime
import Foundation

/// Bytes of any character set as text; what cannot be read becomes a replacement character, never an error.
enum MailText {
    /// At most `limit` bytes of UTF-8, lines ended by a line feed, without NUL.
    static func decode(_ bytes: [UInt8], charset: String?, limit: Int) -> String {
        // No character set takes more than four bytes for what is one byte in UTF-8.
        let taken = bytes.count > limit * 4 ? Array(bytes.prefix(limit * 4)) : bytes
        return tidy(utf8(taken, charset: charset), limit: limit)
    }

    /// Text cut at a character, with line feeds only.
    static func tidy(_ text: String, limit: Int) -> String {
        tidy(Array(text.utf8), limit: limit)
    }

    private static func tidy(_ bytes: [UInt8], limit: Int) -> String {
        var kept = bytes
        if kept.contains(0x0D) || kept.contains(0) {
            kept = []
            kept.reserveCapacity(bytes.count)
            for (index, byte) in bytes.enumerated() where byte != 0 {
                // A bare carriage return ends a line too.
                if byte != 0x0D { kept.append(byte) } else if index + 1 == bytes.count || bytes[index + 1] != 0x0A { kept.append(0x0A) }
            }
        }
        if kept.count > limit {
            var end = limit
            while end > 0, kept[end] & 0xC0 == 0x80 { end -= 1 }
            kept = Array(kept[..<end])
        }
        return String(decoding: kept, as: UTF8.self)
    }

    private static func utf8(_ bytes: [UInt8], charset: String?) -> [UInt8] {
        let name = charset?.trimmingCharacters(in: .whitespaces).lowercased() ?? ""
        if name.isEmpty || name == "utf-8" || name == "utf8" || name == "us-ascii" || name == "ascii" || name.hasPrefix("unknown") {
            if String(validating: bytes, as: UTF8.self) != nil { return bytes }
            // A text cut within a character, or one broken place, is still UTF-8; most of all else undeclared is Western.
            let repaired = String(decoding: bytes, as: UTF8.self)
            let broken = repaired.unicodeScalars.count { $0 == "\u{FFFD}" }
            let beyondASCII = repaired.unicodeScalars.count { !$0.isASCII }
            return broken * 2 <= beyondASCII ? Array(repaired.utf8) : converted(bytes, from: "windows-1252") ?? Array(repaired.utf8)
        }
        return converted(bytes, from: wider(name)) ?? converted(bytes, from: "windows-1252") ?? Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    /// The larger set that mail programs really mean by a name.
    private static func wider(_ name: String) -> String {
        switch name {
        case "iso-8859-1", "latin1", "iso8859-1": "windows-1252"
        case "iso-8859-9": "windows-1254"
        case "gb2312", "gbk", "x-gbk", "gb_2312-80", "cp936": "gb18030"
        case "ks_c_5601-1987", "euc-kr", "ks_c_5601": "cp949"
        case "shift_jis", "shift-jis", "x-sjis": "cp932"
        case "big5", "cn-big5": "big5-hkscs"
        case "iso-8859-8-i": "iso-8859-8"
        default: name
        }
    }

    /// Nil when nobody knows the character set.
    private static func converted(_ bytes: [UInt8], from charset: String) -> [UInt8]? {
        guard !charset.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == UInt8(ascii: "/") }), charset.utf8.count <= 40,
            let converter = iconv_open("UTF-8", charset), converter != iconv_t(bitPattern: -1)
        else { return nil }
        defer { iconv_close(converter) }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 2)
        var chunk = [CChar](repeating: 0, count: 16 * 1_024)
        var input = bytes.map { CChar(bitPattern: $0) }
        let chunkSize = chunk.count
        input.withUnsafeMutableBufferPointer { source in
            var next = source.baseAddress
            var left = source.count
            while left > 0 {
                var failure: Int32 = 0
                let before = left
                chunk.withUnsafeMutableBufferPointer { target in
                    var free = target.baseAddress
                    var room = chunkSize
                    let result = iconv(converter, &next, &left, &free, &room)
                    failure = result == -1 ? errno : 0
                    for index in 0..<(chunkSize - room) { output.append(UInt8(bitPattern: target[index])) }
                }
                if failure == E2BIG && left < before { continue }
                guard failure != 0, left > 0 else { break }
                // One byte is lost, the rest is read on.
                output.append(contentsOf: [0xEF, 0xBF, 0xBD])
                next = next.map { $0 + 1 }
                left -= 1
            }
        }
        return output
    }
}
