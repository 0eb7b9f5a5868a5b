public import Contracts
public import Foundation

/// The server's number for a type (`pg_type.oid`); those of built-in types never change.
public struct PostgresType: Sendable, Hashable {
    let oid: UInt32
    let arrayOID: UInt32

    public static let bool = Self(oid: 16, arrayOID: 1000)
    public static let bytea = Self(oid: 17, arrayOID: 1001)
    public static let int8 = Self(oid: 20, arrayOID: 1016)
    public static let int4 = Self(oid: 23, arrayOID: 1007)
    public static let text = Self(oid: 25, arrayOID: 1009)
    public static let float8 = Self(oid: 701, arrayOID: 1022)
    public static let timestamptz = Self(oid: 1184, arrayOID: 1185)
    public static let uuid = Self(oid: 2950, arrayOID: 2951)
    public static let jsonb = Self(oid: 3802, arrayOID: 3807)
}

/// One parameter in the server's text form; nil is NULL.
public struct PostgresBind: Sendable {
    let oid: UInt32
    let text: String?

    init(oid: UInt32, text: String?) {
        self.oid = oid
        self.text = text
    }

    public init(type: PostgresType, text: String?) {
        self.init(oid: type.oid, text: text)
    }
}

/// A value that can be a parameter.
public protocol PostgresBindable: Sendable {
    static var postgresType: PostgresType { get }
    /// The value as the server reads it.
    var postgresText: String { get }
    var postgresBind: PostgresBind { get }
}

extension PostgresBindable {
    public var postgresBind: PostgresBind { PostgresBind(type: Self.postgresType, text: postgresText) }
}

extension String: PostgresBindable {
    public static var postgresType: PostgresType { .text }
    public var postgresText: String { self }
}

extension Int: PostgresBindable {
    public static var postgresType: PostgresType { .int8 }
    public var postgresText: String { String(self) }
}

extension Int64: PostgresBindable {
    public static var postgresType: PostgresType { .int8 }
    public var postgresText: String { String(self) }
}

extension Int32: PostgresBindable {
    public static var postgresType: PostgresType { .int4 }
    public var postgresText: String { String(self) }
}

extension Double: PostgresBindable {
    public static var postgresType: PostgresType { .float8 }
    public var postgresText: String { description }
}

extension Bool: PostgresBindable {
    public static var postgresType: PostgresType { .bool }
    public var postgresText: String { self ? "t" : "f" }
}

extension UUID: PostgresBindable {
    public static var postgresType: PostgresType { .uuid }
    public var postgresText: String { text }
}

extension EntityID: PostgresBindable {
    public static var postgresType: PostgresType { .uuid }
    public var postgresText: String { uuid.text }
}

extension Date: PostgresBindable {
    public static var postgresType: PostgresType { .timestamptz }
    public var postgresText: String { WireJSON.format(self) }
}

extension Data: PostgresBindable {
    public static var postgresType: PostgresType { .bytea }
    public var postgresText: String {
        String(unsafeUninitializedCapacity: 2 + 2 * count) { text in
            text[0] = UInt8(ascii: "\\")
            text[1] = UInt8(ascii: "x")
            withUnsafeBytes { bytes in
                for (place, byte) in bytes.enumerated() {
                    text[2 * place + 2] = hexadecimalDigit(of: byte >> 4)
                    text[2 * place + 3] = hexadecimalDigit(of: byte & 15)
                }
            }
            return 2 + 2 * count
        }
    }
}

/// A value in the text form of `jsonb`.
public struct PostgresJSON: PostgresBindable {
    public static var postgresType: PostgresType { .jsonb }
    let text: String
    public var postgresText: String { text }

    /// `text` must be JSON; the server refuses anything else.
    public init(text: String) {
        self.text = text
    }

    /// Encodes `value` with ``WireJSON``.
    public init(_ value: some Encodable) throws {
        text = String(decoding: try WireJSON.encoder().encode(value), as: UTF8.self)
    }
}

extension Array: PostgresBindable where Element: PostgresBindable {
    public static var postgresType: PostgresType {
        PostgresType(oid: Element.postgresType.arrayOID, arrayOID: 0)
    }

    public var postgresText: String { arrayLiteral(map { $0.postgresText }) }
}

/// A column of values that may be NULL, for `unnest`.
public struct PostgresOptionals<Element: PostgresBindable>: PostgresBindable {
    public static var postgresType: PostgresType { PostgresType(oid: Element.postgresType.arrayOID, arrayOID: 0) }
    private let elements: [Element?]

    public init(_ elements: [Element?]) {
        self.elements = elements
    }

    public var postgresText: String { arrayLiteral(elements.map { $0?.postgresText }) }
}

/// `{"a","b",NULL}`: every element quoted, quotes and backslashes escaped.
private func arrayLiteral(_ elements: [String?]) -> String {
    // Room for the case that every byte is escaped.
    let capacity = elements.reduce(2) { $0 + 2 * ($1?.utf8.count ?? 1) + 3 }
    return String(unsafeUninitializedCapacity: capacity) { text in
        var place = 0
        func put(_ byte: UInt8) {
            text[place] = byte
            place += 1
        }
        put(UInt8(ascii: "{"))
        for (index, element) in elements.enumerated() {
            if index > 0 { put(UInt8(ascii: ",")) }
            guard let element else {
                for byte in "NULL".utf8 { put(byte) }
                continue
            }
            put(UInt8(ascii: "\""))
            for byte in element.utf8 {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { put(UInt8(ascii: "\\")) }
                put(byte)
            }
            put(UInt8(ascii: "\""))
        }
        put(UInt8(ascii: "}"))
        return place
    }
}

/// `0` to `f`.
private func hexadecimalDigit(of nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}
