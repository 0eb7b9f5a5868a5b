public import Foundation

/// Looks through JSON before it is decoded, for what a decoder lets pass or pays for: names that stand twice in one object (two readers would see
/// two requests), NUL (no text column takes it), and nesting without end. Whether the rest is JSON is the decoder's to say.
public struct JSONScan {
    public enum Fault: Error, Equatable {
        case duplicateName(String)
        case containsNUL
        case tooDeep
    }

    public static let maximumDepth = 64

    /// Throws the first fault. Time and memory grow with the body, not with its shape.
    public static func check(_ body: Data) throws(Fault) {
        var scan = JSONScan(bytes: [UInt8](body))
        try scan.run()
    }

    private let bytes: [UInt8]
    private var position = 0
    /// One entry an open object or array; nil for an array.
    private var names: [Set<String>?] = []
    /// Whether the next string in the innermost object is a name.
    private var expectsName = false

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func run() throws(Fault) {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "{"): try open(Set())
            case UInt8(ascii: "["): try open(nil)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                _ = names.popLast()
                expectsName = false
            case UInt8(ascii: ","): expectsName = names.last.map { $0 != nil } ?? false
            case UInt8(ascii: "\""):
                try string()
                continue
            case 0: throw .containsNUL
            default: break
            }
            position += 1
        }
    }

    private mutating func open(_ entry: Set<String>?) throws(Fault) {
        guard names.count < Self.maximumDepth else { throw .tooDeep }
        names.append(entry)
        expectsName = entry != nil
    }

    /// From the opening mark to behind the closing one.
    private mutating func string() throws(Fault) {
        let start = position
        position += 1
        var hasEscapes = false
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            if bytes[position] == 0 { throw .containsNUL }
            if bytes[position] == UInt8(ascii: "\\") {
                hasEscapes = true
                if bytes[(position + 1)...].starts(with: Array("u0000".utf8)) { throw .containsNUL }
                position += 1
            }
            position += 1
        }
        position = min(position + 1, bytes.count)
        // Only ever true in an object.
        guard expectsName else { return }
        expectsName = false
        let name = name(bytes[start..<position], hasEscapes: hasEscapes)
        guard names[names.count - 1]?.insert(name).inserted ?? true else { throw .duplicateName(name) }
    }

    /// The name without its marks; an escape stands for a character, so that two spellings are one name.
    private func name(_ literal: ArraySlice<UInt8>, hasEscapes: Bool) -> String {
        if hasEscapes, let name = try? JSONDecoder().decode(String.self, from: Data(literal)) { return name }
        return String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
    }
}
