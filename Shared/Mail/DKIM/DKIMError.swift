/// Why a mail cannot be signed.
public enum DKIMError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A line of the header that is neither a field nor the continuation of one.
    case malformedHeader
    /// Without it a signature means nothing (RFC 6376, 5.4).
    case missingFrom
    /// Not the private key of its algorithm, or one of fewer bits than receivers take.
    case unusableKey(selector: String)
    case signingFailed(selector: String)

    public var description: String {
        switch self {
        case .malformedHeader: "the mail's header is malformed"
        case .missingFrom: "the mail has no From"
        case .unusableKey(let selector): "the signing key \(selector) cannot be used"
        case .signingFailed(let selector): "no signature could be made with the key \(selector)"
        }
    }
}
