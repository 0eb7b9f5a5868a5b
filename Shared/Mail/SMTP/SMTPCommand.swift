/// One line to the server, without its line end, and what its reply belongs to.
struct SMTPCommand: Sendable, Equatable {
    let line: String
    let stage: SMTPStage

    static func hello(_ clientName: String) -> Self { Self(line: "EHLO \(clientName)", stage: .ehlo) }
    static let startTLS = Self(line: "STARTTLS", stage: .starttls)
    static func authentication(_ line: String) -> Self { Self(line: line, stage: .auth) }
    static let reset = Self(line: "RSET", stage: .reset)
    static func recipient(_ address: MailAddress) -> Self { Self(line: "RCPT TO:<\(address)>", stage: .rcpt) }
    static let data = Self(line: "DATA", stage: .data)
    /// Ends a message that has no content, where a server opened DATA although it had refused the recipients.
    static let loneDot = Self(line: ".", stage: .data)
    static let quit = Self(line: "QUIT", stage: .quit)

    /// MAIL with the parameters this message needs, or an error when the server lacks what they stand for.
    static func mail(_ envelope: SMTPEnvelope, message: [UInt8], capabilities: SMTPCapabilities) throws(SMTPError) -> Self {
        if let limit = capabilities.sizeLimit, message.count > limit {
            throw SMTPError(
                .messageTooLarge, stage: .mail, message: "the message has \(message.count) bytes, the server takes at most \(limit)")
        }
        var line = "MAIL FROM:<\(envelope.sender?.description ?? "")>"
        if capabilities.size { line += " SIZE=\(message.count)" }
        if message.contains(where: { $0 >= 0x80 }) {
            guard capabilities.eightBitMIME else {
                throw SMTPError(.extensionUnavailable, stage: .mail, message: "the message is not plain ASCII and the server lacks 8BITMIME")
            }
            line += " BODY=8BITMIME"
        }
        if !envelope.isASCII {
            guard capabilities.smtpUTF8 else {
                throw SMTPError(.extensionUnavailable, stage: .mail, message: "an address is not plain ASCII and the server lacks SMTPUTF8")
            }
            line += " SMTPUTF8"
        }
        return Self(line: line, stage: .mail)
    }
}
