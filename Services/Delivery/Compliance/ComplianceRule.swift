/// The rules by which the large receivers take or refuse mail, as data: what each wants, who says so with which reply, and what to do.
struct ComplianceRule: Sendable, Equatable, Encodable {
    enum Identifier: String, Sendable, Codable, CaseIterable {
        case from = "from.format"
        case spf = "authentication.spf"
        case dkim = "authentication.dkim"
        case dmarc = "authentication.dmarc"
        case alignment = "authentication.alignment"
        case oneClick = "unsubscribe.one_click"
        case signedOneClick = "unsubscribe.signed"
        case visibleUnsubscribe = "unsubscribe.visible"
        case complaints = "reputation.complaints"
        case size = "content.size"
        case textPart = "content.text_part"
        case imageOnly = "content.image_only"
        case hosts = "links.ip_host"
        case shorteners = "links.shortener"
        case https = "links.https"
        case mismatch = "links.mismatch"
        case tracking = "links.tracking_domain"
        case replyPrefix = "subject.reply_prefix"
        case subjectForm = "subject.form"
        case pointer = "server.ptr"
        case tls = "server.tls"
    }

    enum Provider: String, Sendable, Codable, CaseIterable {
        case gmail, yahoo, microsoft
    }

    /// Who demands it, and how a server says that it was not met.
    struct Source: Sendable, Equatable, Encodable {
        let provider: Provider
        /// What the reply carries, such as `5.7.26`; nil where the mail is taken and treated badly.
        let code: String?
        let document: String
    }

    let id: Identifier
    let title: String
    /// What to do when it is not met.
    let advice: String
    let sources: [Source]

    private static func gmail(_ code: String?) -> Source {
        Source(provider: .gmail, code: code, document: "Email sender guidelines (Google)")
    }

    private static func yahoo(_ code: String?) -> Source {
        Source(provider: .yahoo, code: code, document: "Sender best practices (Yahoo Sender Hub)")
    }

    private static func microsoft(_ code: String?) -> Source {
        Source(provider: .microsoft, code: code, document: "Outlook.com requirements for high-volume senders (Microsoft)")
    }

    static let all: [ComplianceRule] = [
        ComplianceRule(
            id: .from, title: "One plain sender", advice: "Write one address of your own domain, with a name that is no other address.",
            sources: [gmail("5.7.1"), yahoo(nil), microsoft(nil)]),
        ComplianceRule(
            id: .spf, title: "SPF names the server that sends", advice: "Publish the SPF record that the domain's page shows.",
            sources: [gmail("5.7.27"), yahoo("5.7.9"), microsoft("5.7.515")]),
        ComplianceRule(
            id: .dkim, title: "A DKIM signature that verifies", advice: "Publish the key that the domain's page shows; RSA of 2048 bits.",
            sources: [gmail("5.7.30"), yahoo("5.7.9"), microsoft("5.7.515")]),
        ComplianceRule(
            id: .dmarc, title: "A DMARC policy", advice: "Publish at least v=DMARC1; p=none at _dmarc of the domain.",
            sources: [gmail("5.7.26"), yahoo("5.7.9"), microsoft("5.7.515")]),
        ComplianceRule(
            id: .alignment, title: "What authenticates is the sender's domain",
            advice: "Sign with DKIM under the domain of the From address, or send with an envelope of it.",
            sources: [gmail("5.7.26"), yahoo("5.7.9"), microsoft("5.7.515")]),
        ComplianceRule(
            id: .oneClick, title: "One click unsubscribes",
            advice: "Both List-Unsubscribe, with an https address, and List-Unsubscribe-Post must be there.",
            sources: [gmail(nil), yahoo(nil), microsoft(nil)]),
        ComplianceRule(
            id: .signedOneClick, title: "The unsubscribe headers are signed",
            advice: "Sign both headers with DKIM: readers' programs ignore them otherwise (RFC 8058, section 4).", sources: [gmail(nil), yahoo(nil)]),
        ComplianceRule(
            id: .visibleUnsubscribe, title: "A visible way to unsubscribe", advice: "Put {{unsubscribe_url}} into the text that people read.",
            sources: [gmail(nil), yahoo(nil), microsoft(nil)]),
        ComplianceRule(
            id: .complaints, title: "Few complaints", advice: "Stay below 0.10 %, and never reach 0.30 %: write to whom it concerns.",
            sources: [gmail("5.7.28"), yahoo(nil)]),
        ComplianceRule(
            id: .size, title: "Not too large",
            advice: "Shorten the HTML: Gmail shows the first 102 KB, and hides the rest with your unsubscribe link.",
            sources: [gmail(nil)]),
        ComplianceRule(
            id: .textPart, title: "A part without HTML", advice: "Write the text part too; it says the same in plain words.",
            sources: [microsoft(nil)]),
        ComplianceRule(
            id: .imageOnly, title: "More words than pictures", advice: "Say in text what the picture shows.", sources: [gmail(nil), yahoo(nil)]),
        ComplianceRule(
            id: .hosts, title: "Links name a host", advice: "Link to a name, not to an address in digits.",
            sources: [gmail("5.7.1"), microsoft(nil)]),
        ComplianceRule(
            id: .shorteners, title: "No link shorteners", advice: "Link to the page itself: what shorteners hide, filters distrust.",
            sources: [gmail("5.7.1"), yahoo(nil), microsoft(nil)]),
        ComplianceRule(id: .https, title: "Links are https", advice: "Write https:// where the page has it.", sources: [gmail(nil)]),
        ComplianceRule(
            id: .mismatch, title: "Links lead where they say", advice: "Let the visible address be the one that the link leads to.",
            sources: [gmail("5.7.1"), yahoo(nil), microsoft(nil)]),
        ComplianceRule(
            id: .tracking, title: "Tracked links are of the sender's domain", advice: "Set up a tracking domain below your own.",
            sources: [gmail(nil), yahoo(nil)]),
        ComplianceRule(
            id: .replyPrefix, title: "No false reply", advice: "Begin with Re: or Fwd: only what answers or forwards a mail.",
            sources: [gmail("5.7.1"), yahoo(nil), microsoft(nil)]),
        ComplianceRule(
            id: .subjectForm, title: "A subject like a person's", advice: "Write a short subject in plain words.",
            sources: [gmail(nil), yahoo(nil), microsoft(nil)]),
        ComplianceRule(
            id: .pointer, title: "The server's address has a name that leads back to it",
            advice: "Set the address' PTR record to the name that the server gives, and that name's address to it.",
            sources: [gmail("5.7.25"), yahoo(nil), microsoft(nil)]),
        ComplianceRule(
            id: .tls, title: "The server sends over TLS", advice: "Let the server use TLS wherever the other side offers it.",
            sources: [gmail("5.7.29")]),
    ]

    private static let byIdentifier = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })

    /// Nil only for an identifier without a rule, of which a test sees that there is none.
    static func of(_ id: Identifier) -> ComplianceRule? { byIdentifier[id] }
}
