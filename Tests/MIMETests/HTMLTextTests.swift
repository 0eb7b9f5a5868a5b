import MIME
import Testing

struct HTMLTextTests {
    private func text(_ html: String, limit: Int = 10_000) -> String {
        HTMLText.text(of: html, limit: limit)
    }

    @Test("only what a reader sees is text") func onlyWhatAReaderSees() {
        #expect(text("<html><head><title>t</title><style>p{}</style></head><body>a<!-- b --><script>if (1 < 2) { c() }</script>d</body>") == "ad")
        #expect(text("<p>one</p><p>two<br>three</p>") == "one\n\ntwo\nthree")
        #expect(text("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>") == "a b\nc")
        #expect(text("  a \n\t b  ") == "a b")
        #expect(text("<a title=\"x > y\" href='z'>link</a>") == "link")
    }

    @Test("entities are read, and what is none stays") func entitiesAreReadAndWhat() {
        #expect(text("&lt;a&gt; &amp;amp; &uuml;&szlig;&#8364;&#x1F642;&nbsp;&hellip;") == "<a> &amp; üß€🙂 …")
        #expect(text("AT&T &unknown; & &; &#xD800; &#0;x") == "AT&T &unknown; & &; &#xD800; x")
    }

    @Test("a quotation is marked as in plain text") func aQuotationIsMarkedAs() {
        #expect(text("yes<blockquote>one<br>two<blockquote>three</blockquote></blockquote>no") == "yes\n> one\n> two\n> > three\nno")
    }

    @Test("broken HTML is read to its end, in one pass and to the limit") func brokenHTMLIsReadTo() {
        #expect(text("a < b <c d") == "a < b <c d")
        #expect(text("a<script>b") == "a")
        #expect(text("a<!-- b") == "a")
        #expect(text("<p \"never closed>x") == "x")
        #expect(text(String(repeating: "<a \"", count: 200_000), limit: 1_000).utf8.count <= 1_000)
        #expect(text(String(repeating: "&a", count: 200_000), limit: 1_000).utf8.count <= 1_000)
        #expect(text(String(repeating: "<blockquote>x", count: 50_000), limit: 1_000).utf8.count <= 1_000)
    }
}
