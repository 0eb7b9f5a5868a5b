/// Why bytes are not taken apart at all; whatever else is wrong with a mail only leaves something out.
public enum MIMEError: Error, Equatable {
    case empty
    /// Larger than the limit, in bytes.
    case tooLarge(limit: Int)
}
