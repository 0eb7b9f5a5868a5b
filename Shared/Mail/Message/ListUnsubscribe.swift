import Foundation

/// How a reader's mail program takes its owner off the list (RFC 2369, RFC 8058).
public struct ListUnsubscribe: Sendable, Hashable {
    /// The page's address; with `oneClick` also what the program POSTs to, so it must be https and need no sign-in.
    public var link: String
    /// Where a mail with any content does the same.
    public var mailto: MailAddress?
    public var oneClick: Bool

    public init(link: String, mailto: MailAddress? = nil, oneClick: Bool = true) {
        self.link = link
        self.mailto = mailto
        self.oneClick = oneClick
    }

    func write(to headers: inout HeaderWriter) throws(MailMessageError) {
        guard link.hasPrefix("https://") || link.hasPrefix("http://") && !oneClick,
            link.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") })
        else { throw .invalidUnsubscribeLink }
        var tokens = ["<\(link)>"]
        if let mailto {
            guard let address = mailto.description.addingPercentEncoding(withAllowedCharacters: Self.allowedInMailto) else {
                throw .invalidUnsubscribeLink
            }
            tokens[0] += ","
            tokens.append("<mailto:\(address)>")
        }
        try headers.add("List-Unsubscribe", tokens: tokens)
        if oneClick {
            try headers.add("List-Unsubscribe-Post", tokens: ["List-Unsubscribe=One-Click"])
        }
    }

    private static let allowedInMailto = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+@")
}
