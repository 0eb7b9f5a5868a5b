/// A mail as it would go out, and what is known of who sends it: all that the rules look at.
struct ComplianceSample: Sendable {
    let address: String
    let displayName: String
    let subject: String
    let text: String
    let html: String?
    /// As it would be handed to the server.
    let mail: [UInt8]
    /// The address behind the unsubscribe headers.
    let unsubscribeLink: String
    /// Whether it stands in a thread.
    let isReply: Bool
    let domain: DomainState
    /// Of the sender's domain, in ``ComplaintBreaker/window`` days.
    let complaints: Int
    let accepted: Int

    var senderDomain: String { address.split(separator: "@").last.map { $0.lowercased() } ?? "" }
}
