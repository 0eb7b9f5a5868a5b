/// What a server has said so far to one envelope.
struct SMTPTransaction {
    let envelope: SMTPEnvelope
    private var reset: SMTPReply?
    private var mail: SMTPReply?
    private var recipients: [SMTPReply] = []
    private var data: SMTPReply?

    init(_ envelope: SMTPEnvelope) {
        self.envelope = envelope
    }

    mutating func record(_ reply: SMTPReply, for stage: SMTPStage) {
        switch stage {
        case .reset: reset = reply
        case .mail: mail = reply
        case .rcpt: recipients.append(reply)
        default: data = reply
        }
    }

    /// The verdict, as soon as no recipient can get the message any more; nil until then.
    func refusal() throws(SMTPError) -> SMTPOutcome? {
        if let reset, !reset.isPositive {
            throw SMTPError(.commandRefused, stage: .reset, message: "the server refused to begin a new message", reply: reset)
        }
        if let mail, !mail.isPositive {
            return try SMTPOutcome(negative: mail, stage: .mail)
        }
        // One recipient who may get it later is reason enough to come back.
        if recipients.count == envelope.recipients.count, !hasRecipient, let reply = recipients.first(where: \.isTransient) ?? recipients.first {
            return try SMTPOutcome(negative: reply, stage: .rcpt)
        }
        if let data, data.code != 354 {
            return try SMTPOutcome(negative: data, stage: .data)
        }
        return nil
    }

    /// Whether the server took at least one recipient.
    var hasRecipient: Bool { recipients.contains(where: \.isPositive) }

    /// Whether the server waits for the message.
    var isDataOpen: Bool { data?.code == 354 }

    /// The verdict once the message was sent and answered.
    func outcome(_ reply: SMTPReply) throws(SMTPError) -> SMTPOutcome {
        guard reply.isPositive else { return try SMTPOutcome(negative: reply, stage: .body) }
        let refused = zip(envelope.recipients, recipients).filter { !$1.isPositive }.map(SMTPRefusedRecipient.init)
        return .accepted(reply, refusedRecipients: refused)
    }
}
