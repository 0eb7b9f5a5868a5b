import Testing

@testable import Mail

@Suite struct SMTPTransactionTests {
    private func transaction(_ replies: [(SMTPStage, Int)], recipients: Int = 1) throws -> SMTPTransaction {
        let addresses = try (0..<recipients).map { try MailAddress("r\($0)@reader.example") }
        var transaction = SMTPTransaction(SMTPEnvelope(sender: nil, recipients: addresses))
        for (stage, code) in replies { transaction.record(SMTPReply(code: code, lines: ["\(stage)"]), for: stage) }
        return transaction
    }

    @Test func openAsLongAsSomebodyMayGetIt() throws {
        #expect(try transaction([]).refusal() == nil)
        #expect(try transaction([(.mail, 250)]).refusal() == nil)
        #expect(try transaction([(.mail, 250), (.rcpt, 550)], recipients: 2).refusal() == nil)
        #expect(try transaction([(.mail, 250), (.rcpt, 550), (.rcpt, 251), (.data, 354)], recipients: 2).refusal() == nil)
    }

    @Test func refusals() throws {
        #expect(try transaction([(.mail, 550)]).refusal() == .refused(SMTPReply(code: 550, lines: ["mail"]), stage: .mail))
        #expect(try transaction([(.mail, 451)]).refusal() == .deferred(SMTPReply(code: 451, lines: ["mail"]), stage: .mail))
        #expect(try transaction([(.mail, 250), (.rcpt, 550)]).refusal() == .refused(SMTPReply(code: 550, lines: ["rcpt"]), stage: .rcpt))
        #expect(
            try transaction([(.mail, 250), (.rcpt, 250), (.data, 452)]).refusal() == .deferred(SMTPReply(code: 452, lines: ["data"]), stage: .data))
        let mixed = try transaction([(.mail, 250), (.rcpt, 550), (.rcpt, 450)], recipients: 2)
        #expect(try mixed.refusal() == .deferred(SMTPReply(code: 450, lines: ["rcpt"]), stage: .rcpt))
    }

    @Test func repliesThatDoNotFit() throws {
        #expect(throws: SMTPError.self) { try transaction([(.mail, 354)]).refusal() }
        #expect(throws: SMTPError.self) { try transaction([(.mail, 250), (.rcpt, 250), (.data, 250)]).refusal() }
        #expect(throws: SMTPError.self) { try transaction([(.reset, 500)]).refusal() }
    }

    @Test func partialAcceptanceNamesTheRest() throws {
        let transaction = try transaction([(.mail, 250), (.rcpt, 550), (.rcpt, 250), (.data, 354)], recipients: 2)
        guard case .accepted(_, let refused) = try transaction.outcome(SMTPReply(code: 250, lines: ["queued"])) else {
            Issue.record("not accepted")
            return
        }
        #expect(refused.map(\.address.description) == ["r0@reader.example"])
        #expect(refused.map(\.reply.code) == [550])
    }

    @Test func senselessVerdictIsAmbiguous() throws {
        let transaction = try transaction([(.mail, 250), (.rcpt, 250), (.data, 354)])
        let error = #expect(throws: SMTPError.self) { try transaction.outcome(SMTPReply(code: 354, lines: ["more"])) }
        #expect(error?.bodyMayHaveBeenSent == true)
    }
}

@Suite struct SMTPCommandTests {
    private let envelope: SMTPEnvelope

    init() throws {
        envelope = SMTPEnvelope(sender: try MailAddress("grace@sender.example"), recipients: [try MailAddress("ada@reader.example")])
    }

    @Test func capabilities() {
        let reply = SMTPReply(
            code: 250,
            lines: [
                "mx.example greets you", "PIPELINING", "size 1000", "8BITMIME", "SMTPUTF8", "starttls", "AUTH PLAIN login", "AUTH=XOAUTH2",
                "X-UNKNOWN 1",
            ])
        let capabilities = SMTPCapabilities(reply: reply)
        #expect(capabilities.pipelining && capabilities.eightBitMIME && capabilities.smtpUTF8 && capabilities.startTLS && capabilities.size)
        #expect(capabilities.sizeLimit == 1000)
        #expect(capabilities.authentication == ["PLAIN", "LOGIN", "XOAUTH2"])
        #expect(SMTPCapabilities(reply: SMTPReply(code: 250, lines: ["SIZE", "SIZE 0"])).sizeLimit == nil)
        #expect(SMTPCapabilities(reply: SMTPReply(code: 250, lines: ["PIPELINING is my name"])) == SMTPCapabilities())
    }

    @Test func mailParameters() throws {
        var capabilities = SMTPCapabilities()
        func mail(_ envelope: SMTPEnvelope, _ text: String) throws -> String {
            try SMTPCommand.mail(envelope, message: Array(text.utf8), capabilities: capabilities).line
        }
        #expect(try mail(envelope, "abc") == "MAIL FROM:<grace@sender.example>")
        #expect(try mail(SMTPEnvelope(sender: nil, recipients: []), "abc") == "MAIL FROM:<>")
        let international = SMTPEnvelope(sender: nil, recipients: [try MailAddress("ädä@reader.example", allowingUTF8: true)])
        #expect(throws: SMTPError.self) { try mail(envelope, "ü") }
        #expect(throws: SMTPError.self) { try mail(international, "abc") }
        capabilities.size = true
        capabilities.sizeLimit = 3
        capabilities.eightBitMIME = true
        capabilities.smtpUTF8 = true
        #expect(try mail(envelope, "abc") == "MAIL FROM:<grace@sender.example> SIZE=3")
        #expect(try mail(international, "ü") == "MAIL FROM:<> SIZE=2 BODY=8BITMIME SMTPUTF8")
        let error = #expect(throws: SMTPError.self) { try mail(envelope, "abcd") }
        #expect(error?.code == .messageTooLarge)
    }
}
