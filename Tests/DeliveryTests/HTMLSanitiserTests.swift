import Foundation
import Testing

@testable import Delivery

@Suite("HTML of strangers")
struct HTMLSanitiserTests {
    private func safe(_ html: String, images: Bool = false) -> String {
        HTMLSanitiser.sanitise(html, showsImages: images).html
    }

    private static let link = #" rel="noopener noreferrer nofollow" target="_blank""#

    @Test(
        "what is on the list stays, closed and quoted",
        arguments: [
            ("<p>Hi <b>you</b></p>", "<p>Hi <b>you</b></p>"),
            ("<P>a<p>b", "<p>a</p><p>b</p>"),
            ("<ul><li>1<li>2</ul>", "<ul><li>1</li><li>2</li></ul>"),
            ("<table><tr><td colspan=2>c<td>d<tr><td>e</table>", #"<table><tr><td colspan="2">c</td><td>d</td></tr><tr><td>e</td></tr></table>"#),
            ("</div></p>x", "x"),
            ("<p dir=RTL align='Center'>x", #"<p dir="rtl" align="center">x</p>"#),
            ("a<br/>b<hr>", "a<br>b<hr>"),
            ("1 < 2 &amp; 3 &eacute; &#233; &x &#xZ; > 4", "1 &lt; 2 &amp; 3 &eacute; &#233; &amp;x &amp;#xZ; &gt; 4"),
            ("<custom-thing>kept</custom-thing>", "kept"),
            ("<td width=\"50%\" valign=top>x</td>", #"<td width="50%" valign="top">x</td>"#),
        ])
    func kept(html: String, expected: String) {
        #expect(safe(html) == expected)
    }

    @Test(
        "what runs, loads, frames, asks or disguises goes with all that is in it",
        arguments: [
            ("<p onclick=\"x()\" style='position:fixed' id=a class=b>x", "<p>x</p>"),
            ("a<script>alert(1)</script>b", "ab"),
            ("a<SCRIPT src=x>alert('</p>')</ScRiPt >b", "ab"),
            ("a<script>never closed <p>x", "a"),
            ("a<style>p{}</style><title>t</title><noscript>n</noscript>b", "ab"),
            ("<textarea><img src=x onerror=alert(1)></textarea>k", "k"),
            ("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "\"&gt;"),
            ("<math><mtext></p><style><img src=x></style></mtext></math>t", "t"),
            ("<svg><svg><a href=https://x.example>in</a></svg>still</svg>out", "out"),
            ("<iframe src=https://x.example></iframe><object><p>x</p></object><template><b>y</b></template>z", "z"),
            ("<form action=https://x.example><input name=p><button>Go</button></form>", "Go"),
            ("<meta http-equiv=refresh content=0><base href=https://x.example><link rel=stylesheet href=x>x", "x"),
            ("<!-- <p> --><!doctype html><?xml x?><!--><b>y</b>", "<b>y</b>"),
            ("x<!-- never closed <p>", "x"),
            ("<<script>alert(1)</script>", "&lt;"),
            ("<div", ""),
            ("<p title='never closed>x", ""),
            ("<plaintext><p>x", ""),
        ])
    func gone(html: String, expected: String) {
        #expect(safe(html) == expected)
    }

    @Test(
        "links lead to the web or to an address, by what a browser would read",
        arguments: [
            ("https://x.example/?a=1&amp;b=2", "https://x.example/?a=1&amp;b=2"), (" HTTP://x.example ", "HTTP://x.example"),
            ("https&colon;//x.example", "https://x.example"), ("mailto:a@x.example", "mailto:a@x.example"),
            ("https://x.example/&unknown;", "https://x.example/&amp;unknown;"),
        ])
    func links(address: String, expected: String) {
        #expect(safe("<a href=\"\(address)\">x</a>") == "<a href=\"\(expected)\"\(Self.link)>x</a>")
    }

    @Test(
        "every other address is left out",
        arguments: [
            "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "&#106;avascript:alert(1)", "&#x6A;avascript&colon;alert(1)",
            "jav&#x09;ascript:alert(1)", "jav&Tab;ascript:alert(1)", "\u{1}javascript:alert(1)", "data:text/html,x", "vbscript:x", "//x.example",
            "/x", "x",
            "", "file:///etc/passwd", "blob:https://x.example/1", "&#0;javascript:x",
        ])
    func badLinks(address: String) {
        #expect(safe("<a href=\"\(address)\">x</a>") == "<a\(Self.link)>x</a>")
    }

    @Test("a value never leaves its quotes")
    func quotes() {
        #expect(
            safe(#"<a title='"><script>alert(1)</script>'>x</a>"#) == #"<a title="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;""# + Self.link
                + ">x</a>")
        #expect(safe(#"<a title="&quot;onclick=x">y</a>"#) == #"<a title="&quot;onclick=x""# + Self.link + ">y</a>")
    }

    @Test("pictures from elsewhere are shown to who asks for them, without a trace of the reader")
    func images() {
        let html = #"a<img src="https://t.example/p.gif?a=1&amp;b=2" width=1 height=1 alt="b<c" onerror=x>"#
        let hidden = HTMLSanitiser.sanitise(html, showsImages: false)
        #expect(hidden == .init(html: "ab&lt;c", hasHiddenImages: true))
        let shown = HTMLSanitiser.sanitise(html, showsImages: true)
        #expect(!shown.hasHiddenImages)
        #expect(
            shown.html
                == #"a<img src="https://t.example/p.gif?a=1&amp;b=2" alt="b&lt;c" width="1" height="1" referrerpolicy="no-referrer" loading="lazy">"#)
        for source in ["data:image/svg+xml,x", "cid:1@x", "javascript:x", ""] {
            #expect(HTMLSanitiser.sanitise("<img src=\"\(source)\">", showsImages: true) == .init(html: "", hasHiddenImages: false))
        }
    }

    @Test(
        "whatever is written is taken apart in little time and space, and is clean when it is cleaned again",
        arguments: [
            "<div>", "<!--", "<a a='", "<svg>", "</p", "<textarea>", "<p a=b ", "</", "&", "<", "<b><i></b>", "<td><tr>", "\u{0}", "<script></scrip",
            "é<",
        ])
    func bounds(piece: String) {
        let html = String(repeating: piece, count: 400_000 / piece.utf8.count)
        let start = ContinuousClock.now
        let once = safe(html, images: true)
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(once.utf8.count < HTMLSanitiser.longest + 2_500_000)
        #expect(!once.contains("<script") && !once.contains("<svg") && !once.utf8.contains(0))
    }

    @Test("random HTML holds no tag but those on the list", arguments: 0..<50)
    func random(seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        let pieces = [
            "<", ">", "</", "/", "\"", "'", "=", " ", "script", "p", "a", "href=", "src=", "img", "svg", "style", "<!--", "-->", "onload=", "&#",
            "x3c;", "lt;",
            "javascript:", "textarea", "title", "\n", "\u{0}", "math", "b", "iframe",
        ]
        let html = (0..<400).map { _ in pieces[next(pieces.count)] }.joined()
        let once = safe(html, images: true)
        let tags = once.matches(of: /<\/?([^\s>\/]*)/).map { String($0.1) }
        let known: Set<String> = ["p", "a", "img", "b"]
        #expect(tags.allSatisfy(known.contains), "\(html) became \(once)")
        #expect(once.firstMatch(of: /<[^>]*\son[a-z]+=/) == nil)
        #expect(once.firstMatch(of: /<[^>]*(href|src)="\s*javascript:/) == nil)
    }
}
