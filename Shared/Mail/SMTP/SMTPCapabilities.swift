/// What a server said it can do, in its reply to EHLO.
public struct SMTPCapabilities: Sendable, Hashable {
    public var pipelining = false
    public var eightBitMIME = false
    public var smtpUTF8 = false
    public var startTLS = false
    public var enhancedStatusCodes = false
    /// SIZE was offered, so that MAIL may announce the size of the message.
    public var size = false
    /// The largest message in bytes, where the server named one.
    public var sizeLimit: Int?
    /// Mechanisms in upper case.
    public var authentication: Set<String> = []

    public init() {}

    /// Reads the lines after the first; what it does not know it skips.
    init(reply: SMTPReply) {
        for line in reply.lines.dropFirst() {
            // Some old servers write "AUTH=LOGIN PLAIN".
            let words = line.uppercased().split(whereSeparator: { $0 == " " || $0 == "=" }).map(String.init)
            switch words.first {
            case "PIPELINING": pipelining = true
            case "8BITMIME": eightBitMIME = true
            case "SMTPUTF8": smtpUTF8 = true
            case "STARTTLS": startTLS = true
            case "ENHANCEDSTATUSCODES": enhancedStatusCodes = true
            case "SIZE":
                size = true
                // 0 means that there is no fixed limit.
                sizeLimit = words.dropFirst().first.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
            case "AUTH": authentication.formUnion(words.dropFirst())
            default: break
            }
        }
    }
}
