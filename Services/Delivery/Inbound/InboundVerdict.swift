/// What a mail that came in, or a server's reply, is.
struct InboundVerdict: Sendable, Equatable {
    enum Kind: String, Sendable, CaseIterable {
        /// The address does not exist or will never take mail.
        case hardBounce = "hard_bounce"
        /// Full, greylisted, too large, down: may work later.
        case softBounce = "soft_bounce"
        /// Refused for what was sent or by whom: says nothing about the address.
        case blocked
        /// A report that delivery is delayed or done: nothing to act on.
        case deliveryNotice = "delivery_notice"
        case complaint
        case outOfOffice = "out_of_office"
        /// Another machine's answer: ticket opened, address changed, challenge.
        case autoReply = "auto_reply"
        case unsubscribeWish = "unsubscribe_wish"
        case reply
        /// Nobody knows: acts on nobody's address.
        case unknown
    }

    let kind: Kind
    /// Which rule decided; stable, as a test and a person look it up.
    let rule: String
    /// 0 to 1.
    let confidence: Double
    /// Whom a bounce or complaint is about, as the report says it.
    var recipient: String?
    /// RFC 3463, `5.1.1`.
    var status: String?
    /// What the other side said, one line, at most 500 characters.
    var diagnostic: String?
    /// The Message-ID of our mail that it is about, without brackets.
    var originalMessageID: String?
    /// Of an absence: the day on which its writer says to be back, as ``CivilDay`` counts.
    var returnsOn: Int?
    /// Of our own unsubscribe link in the mail that it is about: names it where a provider blackened addresses and identifiers.
    var unsubscribeToken: String?
}
