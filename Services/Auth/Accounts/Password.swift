import Foundation

/// A password as typed, brought to one form (NFKC, NIST 800-63B); never printed.
struct Password: Sendable, CustomStringConvertible {
    let bytes: Data

    /// Why a password is not taken.
    enum Rejection: Error, Equatable {
        case tooShort(minimum: Int)
        case tooLong
        /// Among those that are tried first, or that leaked.
        case common
    }

    static let minimumLength = 8
    static let maximumBytes = 1_024

    /// For a new password: long enough, at most 1,024 bytes, none that leaked, no rule about kinds of characters.
    init(new text: String, minimum: Int = minimumLength, breached: BreachedPasswords = .builtIn) throws(Rejection) {
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        let normalised = text.precomposedStringWithCompatibilityMapping
        guard normalised.count >= minimum else { throw .tooShort(minimum: minimum) }
        guard !breached.contains(normalised) else { throw .common }
        bytes = Data(normalised.utf8)
    }

    /// For a password to compare; nil when it is so long that it cannot be one.
    init?(entered text: String) {
        guard text.utf8.count <= Self.maximumBytes else { return nil }
        bytes = Data(text.precomposedStringWithCompatibilityMapping.utf8)
    }

    var description: String { "[password]" }
}
