import Foundation

/// A password as typed, brought to one form (NFKC, NIST 800-63B); never printed.
struct Password: Sendable, CustomStringConvertible {
    let bytes: Data

    /// Why a password is not taken.
    enum Rejection: Error, Equatable {
        case tooShort
        case tooLong
        /// Among those that are tried first.
        case common
    }

    static let minimumLength = 8
    static let maximumBytes = 1_024

    /// For a new password: at least eight characters, at most 1,024 bytes, none of the most used ones, no rule about kinds of characters.
    init(new text: String) throws(Rejection) {
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        let normalised = text.precomposedStringWithCompatibilityMapping
        guard normalised.count >= Self.minimumLength else { throw .tooShort }
        guard !CommonPasswords.contains(normalised) else { throw .common }
        bytes = Data(normalised.utf8)
    }

    /// For a password to compare; nil when it is so long that it cannot be one.
    init?(entered text: String) {
        guard text.utf8.count <= Self.maximumBytes else { return nil }
        bytes = Data(text.precomposedStringWithCompatibilityMapping.utf8)
    }

    var description: String { "[password]" }
}
