import Foundation
import Primitives

/// A web address in a mail, taken apart as far as the rules ask.
struct MailLink: Sendable, Equatable {
    let scheme: String
    /// In lower case, without port and a point at its end.
    let host: String

    /// Nil for what is no web address: mailto, anchors, placeholders.
    init?(_ text: some StringProtocol) {
        let text = String(text)
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = text[text.index(after: colon)...]
        guard rest.hasPrefix("//") else { return nil }
        let authority = rest.dropFirst(2).prefix { $0 != "/" && $0 != "?" && $0 != "#" && $0 != "\\" }
        // Whatever stands before an @ is not the host.
        let place = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        var host: Substring
        if place.hasPrefix("["), let close = place.firstIndex(of: "]") {
            host = place[place.startIndex...close]
        } else {
            host = place.prefix { $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" || $0 == "_" || $0 == "{" }
        }
        while host.hasSuffix(".") { host = host.dropLast() }
        guard !host.isEmpty, !host.contains("{") else { return nil }
        self.scheme = scheme
        self.host = host.lowercased()
    }

    /// Whether the host is an address in digits, in whichever form browsers take.
    var isAddress: Bool {
        if host.hasPrefix("[") { return true }
        let last = host.split(separator: ".").last ?? ""
        return last.allSatisfy(\.isNumber) || (last.hasPrefix("0x") && last.dropFirst(2).allSatisfy(\.isHexDigit))
    }

    var isShortener: Bool {
        Self.shorteners.contains(host) || (host.hasPrefix("www.") && Self.shorteners.contains(String(host.dropFirst(4))))
    }

    private static let shorteners: Set<String> = [
        "bit.ly", "bitly.com", "buff.ly", "cutt.ly", "is.gd", "j.mp", "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly", "s.id", "shorturl.at", "short.io",
        "t.co", "t.ly", "tiny.cc", "tinyurl.com", "v.gd", "goo.gl", "adf.ly", "bl.ink", "soo.gd", "clck.ru", "dub.sh", "shorte.st",
    ]

    /// The web addresses in plain text.
    static func all(in text: String) -> [MailLink] {
        text.split(whereSeparator: { $0.isWhitespace || $0 == "<" || $0 == ">" || $0 == "\"" || $0 == "(" || $0 == ")" }).compactMap { MailLink($0) }
    }

    /// The host that a visible text claims to lead to: nil unless it reads as one web address or host name.
    static func claimedHost(in text: String) -> String? {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.contains(where: \.isWhitespace), text.utf8.count <= 2_000 else { return nil }
        if let link = MailLink(text) { return link.host }
        let host = text.lowercased().prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, let top = labels.last, (2...24).contains(top.count), top.allSatisfy({ $0.isASCII && $0.isLetter }),
            labels.allSatisfy({ label in !label.isEmpty && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") } })
        else { return nil }
        // "readme.md" and "e.g." are no hosts; a name that begins with www, or ends as the common ones do, is read as one.
        return labels[0] == "www" || commonTops.contains(String(top)) ? String(host) : nil
    }

    private static let commonTops: Set<String> = [
        "com", "net", "org", "io", "co", "de", "eu", "uk", "fr", "es", "it", "nl", "ch", "at", "app", "dev", "ai", "us", "biz", "info",
    ]
}
