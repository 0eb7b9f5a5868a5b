/// Why a message cannot be written down.
public enum MailMessageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A header value holds CR, LF or NUL: it would become a header of its own.
    case lineBreak(header: String)
    /// A header holds a piece of more than 998 bytes that nothing may be folded into.
    case lineTooLong(header: String)
    /// The name of an additional header is malformed, or belongs to one the message writes itself.
    case headerNotAllowed(String)
    case noRecipient
    /// Not of the form `left@right` in plain characters.
    case invalidMessageIdentifier
    /// One-click needs an https link (RFC 8058), and every link must fit into angle brackets.
    case invalidUnsubscribeLink
    /// Outside the years 1900 to 9999.
    case invalidDate

    public var description: String {
        switch self {
        case .lineBreak(let header): "the \(header) header contains a line break"
        case .lineTooLong(let header): "the \(header) header does not fit into lines of 998 bytes"
        case .headerNotAllowed(let name): "a header named '\(name.prefix(80))' cannot be added"
        case .noRecipient: "the message has no recipient"
        case .invalidMessageIdentifier: "the message identifier is not valid"
        case .invalidUnsubscribeLink: "the unsubscribe link is not valid"
        case .invalidDate: "the date cannot be written"
        }
    }
}
