/// Who a message is really from and for; its headers may say otherwise.
public struct SMTPEnvelope: Sendable, Hashable {
    /// Where failures are reported; nil is the empty path `<>` of messages that must not be answered.
    public var sender: MailAddress?
    public var recipients: [MailAddress]

    public init(sender: MailAddress?, recipients: [MailAddress]) {
        self.sender = sender
        self.recipients = recipients
    }

    var isASCII: Bool {
        (sender?.isASCII ?? true) && recipients.allSatisfy(\.isASCII)
    }
}

/// A recipient the server would not take, and what it said.
public struct SMTPRefusedRecipient: Sendable, Hashable {
    public var address: MailAddress
    public var reply: SMTPReply

    public init(address: MailAddress, reply: SMTPReply) {
        self.address = address
        self.reply = reply
    }
}

/// The server's verdict on one message.
public enum SMTPOutcome: Sendable, Hashable {
    /// The server is responsible now, for every recipient but the refused ones.
    case accepted(SMTPReply, refusedRecipients: [SMTPRefusedRecipient])
    /// 5xx: nobody gets it, and the same will fail again.
    case refused(SMTPReply, stage: SMTPStage)
    /// 4xx: nobody gets it now; the same may be accepted later.
    case deferred(SMTPReply, stage: SMTPStage)

    public var reply: SMTPReply {
        switch self {
        case .accepted(let reply, _), .refused(let reply, _), .deferred(let reply, _): reply
        }
    }

    /// Throws when `reply` is neither 4xx nor 5xx, as at this point it has to be.
    init(negative reply: SMTPReply, stage: SMTPStage) throws(SMTPError) {
        if reply.isPermanent {
            self = .refused(reply, stage: stage)
        } else if reply.isTransient {
            self = .deferred(reply, stage: stage)
        } else {
            throw SMTPError(
                .protocolViolation, stage: stage, message: "the server gave a reply that does not fit the command", reply: reply,
                bodyMayHaveBeenSent: stage == .body)
        }
    }
}
