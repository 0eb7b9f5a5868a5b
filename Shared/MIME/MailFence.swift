import Foundation

/// Cuts out of a mail, before a library sees it, what would cost far more memory, time or stack than it has bytes.
///
/// GMime makes objects of several hundred bytes for each field, part and address, and calls itself once for each enclosed part, address group
/// and enclosed mail. A mail below the limits passes unchanged.
struct MailFence {
    /// Lines that may begin a part; text has such lines too, so the limit is far above that of parts.
    private static let dashedLines = 5_000
    /// Parts that can hold parts: each of them is a call within a call.
    private static let containers = 100
    private static let groupsOfAddresses = 16
    /// Parameters of a part's type are compared each with each.
    private static let typeBytesOfPart = 4_096

    private let limits: MIMELimits
    private var isHeader = true
    private var isOutermost = true
    private var holdsMessage = false
    private var fields = 0
    private var fieldBytes = 0
    private var headerBytes = 0
    private var isDroppingField = false
    private var isAddressField = false
    private var isTypeField = false
    private var colons = 0
    private var commas = 0
    private var dashed = 0
    private var contained = 0

    private enum Fate {
        case kept
        case dropped
        case shortened(to: Int)
        case end
    }

    private init(_ limits: MIMELimits) {
        self.limits = limits
    }

    /// The same bytes when nothing was beyond the limits.
    static func admit(_ bytes: [UInt8], limits: MIMELimits) -> [UInt8] {
        var fence = MailFence(limits)
        var kept: [Range<Int>] = []
        var isWhole = true
        bytes.withUnsafeBufferPointer { buffer in
            var start = 0
            var from = 0
            while start < buffer.count {
                let end = endOfLine(buffer, from: start)
                // Most of a mail is the body of its parts: only what may begin a header is looked at.
                if fence.isHeader || buffer[start] == .dash {
                    switch fence.fate(of: UnsafeBufferPointer(rebasing: buffer[start..<end])) {
                    case .kept: break
                    case .dropped:
                        isWhole = false
                        kept.append(from..<start)
                        from = end
                    case .shortened(let length):
                        isWhole = false
                        kept.append(from..<(start + length))
                        // The end of the line is kept, so that the next field begins.
                        from = end - 1
                    case .end:
                        isWhole = false
                        kept.append(from..<start)
                        from = buffer.count
                        start = buffer.count
                        continue
                    }
                }
                start = end
            }
            kept.append(from..<buffer.count)
        }
        return isWhole ? bytes : kept.reduce(into: []) { $0 += bytes[$1] }
    }

    /// Behind the line's end.
    private static func endOfLine(_ buffer: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        guard let base = buffer.baseAddress, let newline = memchr(base + start, 0x0A, buffer.count - start) else { return buffer.count }
        return UnsafeRawPointer(newline) - UnsafeRawPointer(base) + 1
    }

    private mutating func fate(of line: UnsafeBufferPointer<UInt8>) -> Fate {
        if line.count >= 2, line[0] == .dash, line[1] == .dash {
            dashed += 1
            guard dashed <= Self.dashedLines else { return .end }
            beginHeader()
            return .kept
        }
        guard isHeader else { return .kept }
        if line[0] == .newline || line.count >= 2 && line[0] == .carriageReturn && line[1] == .newline {
            if holdsMessage { beginHeader() } else { isHeader = false }
            return .kept
        }
        return fateOfField(line)
    }

    private mutating func beginHeader() {
        isHeader = true
        isOutermost = fields == 0 && isOutermost
        holdsMessage = false
        fields = 0
        fieldBytes = 0
        isDroppingField = false
    }

    private mutating func fateOfField(_ line: UnsafeBufferPointer<UInt8>) -> Fate {
        if line[0] != .space && line[0] != .tab {
            fields += 1
            fieldBytes = 0
            colons = -1
            isDroppingField = fields > limits.fields || headerBytes > limits.headerBytes
            isTypeField = Self.type.withUnsafeBufferPointer { line.begins(with: $0) }
            isAddressField = Self.addressFields.contains { $0.withUnsafeBufferPointer { line.begins(with: $0) } }
        }
        guard !isDroppingField else { return .dropped }
        if line.holds(Self.boundary) || line.holds(Self.message) {
            contained += 1
            guard contained <= Self.containers else { return .end }
            if line.holds(Self.message) { holdsMessage = true }
        }
        if isAddressField {
            for byte in line {
                if byte == .colon { colons += 1 }
                if byte == .comma || byte == .semicolon { commas += 1 }
            }
            if colons > Self.groupsOfAddresses || commas > limits.addresses {
                isDroppingField = true
                return .dropped
            }
        }
        let limit = isTypeField && !isOutermost ? min(limits.fieldBytes, Self.typeBytesOfPart) : limits.fieldBytes
        let room = limit - fieldBytes
        fieldBytes += line.count
        headerBytes += min(line.count, limit)
        guard fieldBytes > limit else { return .kept }
        isDroppingField = true
        return line.last == .newline && room > 0 ? .shortened(to: room) : .dropped
    }

    private static let type = Array("content-".utf8)
    private static let boundary = Array("boundary".utf8)
    private static let message = Array("message/".utf8)
    private static let addressFields = ["from:", "to:", "cc:", "bcc:", "sender:", "reply-to:", "from ", "to ", "cc ", "bcc ", "sender ", "reply-to "]
        .map {
            Array($0.utf8)
        }
}

extension UInt8 {
    fileprivate static let newline = UInt8(ascii: "\n")
    fileprivate static let carriageReturn = UInt8(ascii: "\r")
    fileprivate static let space = UInt8(ascii: " ")
    fileprivate static let tab = UInt8(ascii: "\t")
    fileprivate static let dash = UInt8(ascii: "-")
    fileprivate static let colon = UInt8(ascii: ":")
    fileprivate static let comma = UInt8(ascii: ",")
    fileprivate static let semicolon = UInt8(ascii: ";")
}

extension UnsafeBufferPointer<UInt8> {
    /// `word` in lower case, and of ASCII.
    fileprivate func begins(with word: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = baseAddress, let other = word.baseAddress, count >= word.count else { return false }
        return strncasecmp(base, other, word.count) == 0
    }

    /// Whether `word`, in lower case and of ASCII, stands anywhere.
    fileprivate func holds(_ word: [UInt8]) -> Bool {
        guard let first = word.first, count >= word.count else { return false }
        let upper = first - 0x20
        var index = 0
        let last = count - word.count
        while index <= last {
            if self[index] == first || self[index] == upper {
                let rest = UnsafeBufferPointer(rebasing: self[index...])
                if word.withUnsafeBufferPointer({ rest.begins(with: $0) }) { return true }
            }
            index += 1
        }
        return false
    }
}
