/// How far a conversation had come; the raw value is what APIs and tables show.
public enum SMTPStage: String, Sendable, Codable, CaseIterable {
    case connect
    case greeting
    case ehlo
    case starttls
    case auth
    case reset
    case mail
    case rcpt
    case data
    case body
    case quit
}
