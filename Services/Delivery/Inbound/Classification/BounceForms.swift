/// How mail systems call themselves, and in which words they report; all in lower case.
///
/// The forms are those of the systems' own sources and of Sisimai's Lhost modules, which collect them.
enum BounceForms {
    struct Form: Sendable {
        let id: String
        /// One of them stands in the text.
        let marks: [String]
        /// Whether the form puts each address before its reason, so that the reason's words need no code beside them.
        var statesAddress = false
    }

    static let known: [Form] = [
        Form(id: "qmail", marks: ["this is the qmail-send program", "this is the machine generated message from mail service"], statesAddress: true),
        Form(id: "exim", marks: ["this message was created automatically by mail delivery software"], statesAddress: true),
        Form(
            id: "postfix",
            marks: ["this is the mail system at host", "this is the postfix program at host", "this is the postfix mail system at host"],
            statesAddress: true),
        Form(
            id: "sendmail",
            marks: ["the following addresses had permanent fatal errors", "transcript of session follows", "the following address had permanent"]),
        Form(
            id: "google",
            marks: [
                "delivery to the following recipient failed permanently", "technical details of permanent failure",
                "the response from the remote server was",
                "the response was:", "your message wasn't delivered to",
            ]),
        Form(id: "yahoo", marks: ["sorry, we were unable to deliver your message to the following address"]),
        Form(
            id: "exchange",
            marks: [
                "delivery has failed to these recipients", "generating server:", "your message did not reach some or all of the intended recipients",
                "diagnostic information for administrators", "zustellung der nachricht an die folgenden empfänger",
                "échec de la remise à ces destinataires",
                "error de entrega a estos destinatarios", "recapito non riuscito per questi destinatari", "falha na entrega a estes destinatários",
            ]),
        Form(id: "domino", marks: ["was not delivered to:", "not listed in domino directory", "delivery failure report"], statesAddress: true),
        Form(id: "mailru", marks: ["this message was created automatically by mail.ru"], statesAddress: true),
        Form(id: "netease", marks: ["这是一封由邮件系统自动生成", "此邮件由系统自动发出", "邮件退信", "您的邮件被退回", "退信原因"]),
        Form(id: "courier", marks: ["this is a delivery status notification from", "undeliverable mail"]),
        Form(id: "opensmtpd", marks: ["an error has occurred while attempting to deliver a message", "this is the mailer-daemon, please do not"]),
        Form(id: "messaging-server", marks: ["this report relates to a message you sent with the following header fields"]),
        Form(id: "imail", marks: ["body of message generated response:"]),
        Form(id: "mailmarshal", marks: ["could not be delivered because of"]),
        Form(id: "mcafee", marks: ["the following addresses had delivery problems"]),
    ]

    static let daemons: Set<String> = [
        "mailer-daemon", "mailerdaemon", "mailer_daemon", "postmaster", "mail-daemon", "maildaemon", "mdaemon", "mail-delivery-subsystem",
        "maildelivery",
        "mailsystem", "mail.system", "bounce", "bounces", "bounce-handler", "delivery-failure", "mail-failure", "mailfailure", "nobody", "root",
        "smtp-daemon", "postoffice", "mailadmin",
    ]

    static let systemNames = [
        "mail delivery subsystem", "mail delivery system", "mail delivery service", "mail system", "mailer-daemon", "mailer daemon", "postmaster",
        "internet mail delivery", "system administrator", "systemadministrator", "microsoft outlook ", "mail administrator", "mail daemon",
        "mail-system",
    ]

    /// What a failure is called, in the languages of mail systems.
    static let failures = [
        "undeliverable", "undelivered mail", "could not be delivered", "couldn't be delivered", "cannot be delivered", "delivery failed",
        "delivery failure",
        "delivery status notification (failure)", "failure notice", "mail delivery failed", "returned mail", "unable to deliver", "not delivered",
        "wasn't delivered", "returned to sender", "mail could not be sent", "message not deliverable", "nondeliverable", "nicht zugestellt",
        "unzustellbar",
        "nicht zustellbar", "zustellung fehlgeschlagen", "n'a pas pu être remis", "n'a pas pu être distribué", "non remis", "non distribuable",
        "échec de la remise", "no se ha podido entregar", "no se pudo entregar", "no entregado", "error de entrega", "não foi entregue",
        "não pôde ser entregue", "não foi possível entregar", "falha na entrega", "non è stato possibile", "impossibile recapitare",
        "mancato recapito",
        "non recapitabile", "recapito non riuscito", "kon niet worden", "niet bezorgd", "onbestelbaar", "kunde inte levereras", "kunne ikke leveres",
        "nie można dostarczyć", "nie została dostarczona", "niedostarczona", "nelze doručit", "nedoručitelné", "nem kézbesíthető", "iletilemedi",
        "teslim edilemedi", "не доставлено", "не удалось доставить", "невозможно доставить", "недоставленное", "не може бути доставлен", "无法投递",
        "无法送达", "未能送达", "退信", "投递失败", "無法傳送", "傳送失敗", "配信できません", "配達できません", "届けられません", "送信できません", "전송하지 못했", "반송",
        "배달 실패", "לא ניתן למסור", "تعذر التسليم", "tidak dapat dikirim",
    ]

    static let delays = [
        "this is a warning message only", "you do not need to resend", "has not yet been delivered", "has not been delivered yet", "will be retried",
        "will keep trying", "will continue to try", "still being retried", "delivery attempts will continue", "delivery is delayed",
        "delivery has been delayed",
        "could not be delivered for at least", "delays in delivering your message", "a message is delayed for more than", "message delayed",
        "temporary problem delivering", "there was a temporary problem", "will retry for",
        "wird weiterhin versucht", "weitere zustellversuche", "zustellung verzögert", "la remise est retardée", "seguirá intentando",
        "se reintentará",
        "verrà riprovato", "continuará tentando", "попытки доставки будут продолжены", "系统将继续尝试", "将继续尝试投递", "引き続き配信を試み",
    ]

    static let delayedSubjects = [
        "(delay)", " delayed ", "delayed mail", "warning: could not send message", "warning: message", "delivery delayed", "zustellung verzögert",
        "could not send message for past",
    ]

    static let successes = [
        "was successfully delivered", "has been successfully delivered", "successfully delivered to", "has been delivered to the recipient",
        "successfully relayed to", "your message has been delivered", "wurde erfolgreich zugestellt", "a bien été remis",
        "delivery to these recipients or groups is complete",
    ]

    static let successfulSubjects = ["successful mail delivery report", "(success)", "(relay)", " relayed:", " delivered:"]

    /// Above the mail that is returned.
    static let returned = [
        "below this line is a copy", "this is a copy of the message", "a copy of the message follows", "the header of the original message",
        "original message headers", "original message follows", "original message ---", "--- original message", "unsent message follows",
        "message header follows", "included is a copy of the message", "the body of the message is", "message headers follow", "-- header --",
        "original-kopfzeilen", "original message text", "copy of the original message", "ursprüngliche nachrichtenkopfzeilen",
    ]

    /// The lines by which a returned mail is known where nothing announces it.
    static let returnedFields = [
        "return-path:", "received:", "message-id:", "date:", "from:", "to:", "subject:", "mime-version:", "content-type:", "dkim-signature:",
        "x-mailer:",
    ]
}
