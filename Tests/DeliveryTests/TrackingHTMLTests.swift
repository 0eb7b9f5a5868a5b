import Contracts
import Foundation
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Links of mails")
struct TrackingHTMLTests {
    private let tokens: TrackingTokens
    private let tracker: MailTracker
    private let tenant = TenantID(UUID())
    private let send = SendID(UUID())
    private let everything = DeliveryTracking(opens: true, clicks: true, hiddenLink: true, base: "https://t.example")
    private let clicksOnly = DeliveryTracking(opens: false, clicks: true, hiddenLink: false, base: "https://t.example")

    init() throws {
        tokens = TrackingTokens(keyring: try Keyring(current: "k1", keys: ["k1": randomBytes(32)]))
        tracker = MailTracker(tokens: tokens, untouched: ["https://p.example/u/"])
    }

    private func rewritten(_ html: String, _ tracking: DeliveryTracking? = nil) throws -> String {
        try tracker.html(html, tenant: tenant, send: send, tracking ?? clicksOnly)
    }

    /// The mail with each tracked address put back to where it leads: what a reader would see of it.
    private func undone(_ html: String) throws -> String {
        var result = html
        for match in html.matches(of: /https:\/\/t\.example\/t\/c\/([A-Za-z0-9._-]+)/) {
            let token = try #require(tokens.open(String(match.1)))
            result = result.replacing(String(match.0), with: token.destination)
        }
        return result
    }

    @Test(
        "the value of a link changes and nothing else does",
        arguments: [
            #"<p><a class="x" href="https://a.example/b" target=_blank>go</a></p>"#, "<A HREF='http://a.example'>x</A>",
            "<a href=https://a.example/b>x</a>",
            "<a\nhref\n=\n\"https://a.example\"\n>x</a>", #"<map><area shape=rect href="https://a.example"></map>"#,
            #"<a/href="https://a.example">x"#,
            #"1 < 2 &amp; <a href="https://a.example">x"#, #"<a title="a > b" href="https://a.example">x</a>"#,
            #"<![if !mso]><a href="https://a.example">x</a><![endif]>"#, #"<!--[if !mso]><!--><a href="https://a.example">x</a><!--<![endif]-->"#,
            #"<style>a>b{}</style><a href="https://a.example">ü🙂</a>"#, #"<div><a href="https://a.example">never closed"#,
        ])
    func valuesAlone(html: String) throws {
        let changed = try rewritten(html)
        #expect(changed != html && changed.contains("https://t.example/t/c/"))
        #expect(try undone(changed) == html)
    }

    @Test(
        "what is no link to follow, what is in a comment, in a script, in Outlook's own part, or marked, stays byte by byte",
        arguments: [
            #"<a href="mailto:a@x.example">x</a>"#, #"<a href="tel:+1">x</a>"#, #"<a href="{{unsubscribe_url}}">x</a>"#, ##"<a href="#top">x</a>"##,
            #"<a href="/relative">x</a>"#, #"<a href="//a.example">x</a>"#, #"<a href="javascript:alert(1)">x</a>"#, #"<a name="x">x</a>"#,
            #"<a href="https://p.example/u/abc">leave</a>"#, #"<a data-track="off" href="https://a.example">x</a>"#,
            #"<a href='https://a.example' DATA-TRACK=OFF>x</a>"#, #"<!-- <a href="https://a.example"> -->"#,
            #"<!--[if mso]><v:rect href="https://a.example"><a href="https://a.example">x</a></v:rect><![endif]-->"#,
            #"<script>"<a href='https://a.example'>"</script>"#, #"<title><a href="https://a.example"></title>"#,
            #"<link href="https://a.example"><abbr href="https://a.example">"#, #"<p title='<a href="https://a.example">'>"#,
            #"<img src="https://a.example">"#,
            #"<a href="https://ü.example">x</a>"#, #"<a href="https://a.example\@evil.example">x</a>"#, #"<a href="https://a.example/&copy;">x</a>"#,
            "<a href=\"https://a.example/\(String(repeating: "x", count: 2_000))\">x</a>",
        ])
    func leftAlone(html: String) throws {
        #expect(try rewritten(html) == html)
    }

    @Test(
        "a destination is what a browser would make of it",
        arguments: [
            ("https://a.example/?x=1&amp;y=2", "https://a.example/?x=1&y=2"), (" https://a.example/a b\n", "https://a.example/a%20b"),
            ("HTTPS://a.example", "HTTPS://a.example"), ("https://a.example/?a=1&copy=2", "https://a.example/?a=1&copy=2"),
            ("ht\ntps://a.example", "https://a.example"), ("https&#58;//a.example", "https://a.example"),
            ("https://a.example/ü", "https://a.example/%C3%BC"), ("https://a.example/&#13;&#10;X:y", "https://a.example/X:y"),
        ])
    func destinations(value: String, destination: String) throws {
        #expect(LinkDestination.read(value.utf8) == destination)
        #expect(LinkDestination.isAllowed(destination))
    }

    @Test("the image and the hidden link stand before the end of the body, and not inside what has no end")
    func additions() throws {
        let whole = try rewritten(#"<html><body><a href="https://a.example">x</a></body></html>"#, everything)
        #expect(whole.hasSuffix("></body></html>") && whole.contains("/t/o/") && whole.contains("aria-hidden=\"true\""))
        #expect(try rewritten("<p>no links</p>", everything).hasSuffix(#"height:1px">"#))
        #expect(try !rewritten("<p>no links</p>", everything).contains("aria-hidden"))
        for open in ["<p>x</p><!-- never ends", "<p>x</p><style>", "<p>x</p><a title=\"", "<textarea>"] {
            #expect(try rewritten(open, everything) == open)
        }
    }

    @Test("switched off, the mail is what it was; each switch is its own")
    func switches() throws {
        let html = #"<body><a href="https://a.example">x</a></body>"#
        func tracking(_ opens: Bool, _ clicks: Bool) -> DeliveryTracking {
            DeliveryTracking(opens: opens, clicks: clicks, hiddenLink: true, base: "https://t.example")
        }
        #expect(try rewritten(html, tracking(false, false)) == html)
        let (opens, clicks) = (try rewritten(html, tracking(true, false)), try rewritten(html, tracking(false, true)))
        #expect(opens.contains("/t/o/") && !opens.contains("/t/c/") && opens.contains("https://a.example"))
        #expect(!clicks.contains("/t/o/") && clicks.contains("/t/c/") && !clicks.contains("https://a.example"))
    }

    @Test("of any bytes at all, only values of links change, and what is read can be redirected to", arguments: 0..<200)
    func anything(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let pieces = [
            "<a ", "<a href=", "href", "=", "\"", "'", "https://x.example/", ">", "<", "/", "<!--", "-->", "--!>", "</body>", "<script>", "</script>",
            " ",
            "\n", "&amp;", "<![if", "]>", "ü", "<area href=https://y.example>", " data-track=off", "<!--[if mso]>", "<![endif]-->", "\0", "🙂", "</",
            "<a href=\"https://z.example/?a=1&amp;b=2\">", "<textarea>", "</textarea>", "<?", "<!",
        ]
        for _ in 0..<100 {
            let html = (0..<Int.random(in: 0...20, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let bytes = Array(html.utf8)
            let found = HTMLLinks(bytes)
            var last = 0
            for value in found.values {
                #expect(value.lowerBound >= last && value.upperBound <= bytes.count)
                last = value.upperBound
                if let destination = LinkDestination.read(bytes[value]) { #expect(LinkDestination.isAllowed(destination)) }
            }
            // Cut at the tracked addresses, the mail is what lay between its links.
            let changed = try rewritten(html)
            let tracked = changed.matches(of: /https:\/\/t\.example\/t\/c\/[A-Za-z0-9._-]+/)
            #expect(tracked.count <= found.values.count)
            if tracked.isEmpty { #expect(changed == html) }
        }
    }

    @Test("a mail of many links is read in time that grows with its length")
    func long() throws {
        let html = String(repeating: #"<p>Some words <a href="https://a.example/page?id=1&amp;x=2">here</a> and more.</p>"#, count: 2_000)
        let start = ContinuousClock.now
        #expect(try rewritten(html).count > html.count)
        let hostile = String(repeating: "<a href=\"", count: 20_000) + String(repeating: "<!--", count: 20_000)
        #expect(try rewritten(hostile) == hostile)
        #expect(ContinuousClock.now - start < .seconds(10))
    }
}
