import Foundation
import TestSupport
import Testing

@testable import Campaigns

@Suite("Templates in HTML")
struct TemplateHTMLTests {
    private static let lead = TemplateGround.lead(first: "Ada <b>&\"'")
    private static let escaped = "Ada &lt;b&gt;&amp;&quot;&#39;"

    @Test(
        "a value is written as its place asks for, the template's own HTML as it stands",
        arguments: [
            ("<p>{{first_name}}</p>", "<p>VALUE</p>"), ("<p title=\"{{first_name}}\">x</p>", "<p title=\"VALUE\">x</p>"),
            ("<p title = '{{first_name}}' >x</p>", "<p title = 'VALUE' >x</p>"), ("<TITLE>{{first_name}}</TITLE>", "<TITLE>VALUE</TITLE>"),
            ("<a href=\"https://x.org/?n={{first_name}}&amp;m=1\">x</a>", "<a href=\"https://x.org/?n=Ada%20%3Cb%3E%26%22%27&amp;m=1\">x</a>"),
            ("<a href=\"https://x.org/{{city}}/\">x</a>", "<a href=\"https://x.org/%C3%85rhus%2F%40/\">x</a>"),
            ("<a href=\"mailto:{{email}}?subject={{email}}\">x</a>", "<a href=\"mailto:ada@x.org?subject=ada%40x.org\">x</a>"),
            ("<a href=\"javascript{{colon}}alert(1)\">x</a>", "<a href=\"javascript%3Aalert(1)\">x</a>"),
            ("<a href=\"{{unsubscribe_url}}\">x</a>", "<a href=\"{{unsubscribe_url}}\">x</a>"),
            ("<a title=\"{{last_name|\"you > me\"}}\" href='#'>x</a>", "<a title=\"you &gt; me\" href='#'>x</a>"),
            ("<p>{{last_name|R&amp;D}}</p>", "<p>R&amp;D</p>"), ("<p>{{last_name|<i>}}</p>", "<p>&lt;i&gt;</p>"),
            ("<p>1 < 2 & 3 <3 {{first_name}}</p>", "<p>1 < 2 & 3 <3 VALUE</p>"), ("<!DOCTYPE html><p>x", "<!DOCTYPE html><p>x"),
            ("<!-- { a } --><br/>{{first_name}}", "<!-- { a } --><br/>VALUE"), ("<!--> {{first_name}}", "<!--> VALUE"),
            ("<script>if (a < b) { c | d }</script>{{first_name}}", "<script>if (a < b) { c | d }</script>VALUE"),
            ("<p a=1 b = 2 c>{{first_name}}</p >", "<p a=1 b = 2 c>VALUE</p >"),
        ])
    func contexts(source: String, expected: String) throws {
        let lead = TemplateGround.lead(first: Self.lead.firstName, custom: ["city": .text("Århus/@"), "colon": .text(":")])
        #expect(try TemplateGround.html(source, lead) == expected.replacing("VALUE", with: Self.escaped))
    }

    @Test(
        "a value that begins an address is one of the web or of mail, or leads nowhere",
        arguments: [
            ("https://x.org/a?b=1&c=2", "https://x.org/a?b=1&amp;c=2"), (" HTTPS://x.org ", "HTTPS://x.org"), ("mailto:a@x.org", "mailto:a@x.org"),
            ("http://x.org/å b", "http://x.org/%C3%A5%20b"), ("https://x.org/\"><script>'", "https://x.org/%22%3E%3Cscript%3E%27"),
            ("javascript:alert(1)", "#"), ("java\nscript:alert(1)", "#"), ("\u{1}javascript:alert(1)", "#"), ("data:text/html,x", "#"),
            ("www.x.org", "#"), ("//x.org", "#"), ("", "#"), ("&#106;avascript:x", "#"),
        ])
    func addresses(value: String, expected: String) throws {
        let lead = TemplateGround.lead(custom: ["site": .text(value)])
        #expect(try TemplateGround.html("<a href=\"{{site}}\">x</a>", lead) == "<a href=\"\(expected)\">x</a>")
        #expect(try TemplateGround.html("<img SRC=' {{site}}'>", lead) == "<img SRC=' \(expected)'>")
    }

    @Test("what follows the beginning of an address is a part of it, and a fallback may be the whole")
    func addressParts() throws {
        let lead = TemplateGround.lead(custom: ["site": .text("https://x.org"), "path": .text("@evil.org/")])
        #expect(try TemplateGround.html("<a href=\"{{site}}{{path}}\">x</a>", lead) == "<a href=\"https://x.org%40evil.org%2F\">x</a>")
        #expect(try TemplateGround.html("<a href=\"{{none|https://y.org}}/\">x</a>", lead) == "<a href=\"https://y.org/\">x</a>")
        #expect(try TemplateGround.html("<a href=\"{{none}}\">x</a>", lead) == "<a href=\"#\">x</a>")
    }

    @Test(
        "where a value could do more than be read no variable may stand, and the error says where it does",
        arguments: [
            ("<p><a href={{email}}>x</a>", 11), ("<script>a = \"{{email}}\"</script>", 13), ("<style>a{b:{{email}}}</style>", 11),
            ("<!-- {{email}} -->", 5), ("<p {{email}}>", 3), ("<p x{{email}}=\"1\">", 4), ("<{{email}}>", 1), ("</{{email}}>", 2),
            ("<p{{email}}>", 2),
            ("<p onclick=\"{{email}}\">", 12), ("<p STYLE='color:{{email}}'>", 16), ("<img srcset=\"{{email}} 2x\">", 13),
            ("<meta content=\"{{email}}\">", 15), ("<!DOCTYPE {{email}}>", 10), ("<?x {{email}}?>", 4), ("a{<|b}{{email}}", 3),
            ("<title><{{email}}</title>", 8), ("<![if {{email}}]>", 6), ("<xmp>{{email}}</xmp>", 5),
        ])
    func refused(source: String, position: Int) {
        let error = #expect(throws: MailText.SyntaxError.self) { try MailTemplate(subject: "s", text: nil, html: source) }
        #expect(error?.position == position && error?.part == .html, "\(String(describing: error))")
    }

    @Test(
        "what has no end is an error where it begins",
        arguments: [
            ("ab<p", 2), ("ab<p title=\"x>", 2), ("ab<p title=", 2), ("<!-- x", 0), ("<!--x--!", 0), ("a<style>x", 1), ("a<title>x</titl", 1),
            ("a<!DOCTYPE", 1), ("a</p", 1), ("<plaintext>x", 0),
        ])
    func unclosed(source: String, position: Int) {
        let error = #expect(throws: MailText.SyntaxError.self) { try MailTemplate(subject: "s", text: nil, html: source) }
        #expect(error?.position == position)
    }

    @Test(
        "HTML as plain text",
        arguments: [
            ("<p>Hi</p><p>there</p>", "Hi\n\nthere"), ("<div>a</div>\n<div>b</div>", "a\nb"), ("a<br>b<br/><br>c", "a\nb\n\nc"),
            ("<a href=\"https://x.org\">here</a>.", "here (https://x.org)."), ("<a href=\"https://x.org\">https://x.org</a>", "https://x.org"),
            ("<a href=\"mailto:a@x.org\">a@x.org</a>", "a@x.org"), ("<a href=\"#top\">up</a>", "up"), ("<a name=\"x\">up</a>", "up"),
            ("<a href=\"https://x.org?a=1&amp;b=2\">x</a> y", "x (https://x.org?a=1&b=2) y"),
            ("<p><a href=\"https://x.org\">a</a></p><p>b</p>", "a (https://x.org)\n\nb"), ("<a href=\"https://x.org\">a", "a (https://x.org)"),
            ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>d", "- a\n- b\n  - c\n\nd"), ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
            ("x&nbsp;&amp;&#8364;&lt;&#x41;&eacute;&nope;", "x &€<Aé&nope;"),
            ("<style>p{}</style><script>x</script><title>t</title><!-- c -->y", "y"), ("<img src=\"x\" alt=\"Logo\">", "Logo"),
            ("<a href=\"https://x.org\"><img src=\"y\"></a>", "https://x.org"), ("<p> a  \n b </p> ", "a b"), ("<pre>a\n  b</pre>", "a\n  b"),
            ("<hr>a", "---\n\na"), ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            ("<p>a&shy;b&zwnj;c</p>", "abc"), ("<h1>T</h1><ul><li><p>x</p></li></ul>", "T\n\n- x"), ("</ul></ol></a>x", "x"), ("<b>a</b>b", "ab"),
        ])
    func plainText(source: String, expected: String) throws {
        #expect(try TemplateGround.derived(source) == expected)
    }

    @Test("variables of the HTML work in the text made from it, and braces of addresses and entities stay what they were")
    func derivedVariables() throws {
        let source =
            "<p>Hi {{first_name|there}} &#123;a|b&#125;</p>"
            + "<a href=\"https://x.org/?n={{first_name}}\">x</a> <a href=\"{{unsubscribe_url}}\">Bye</a>"
        #expect(
            try TemplateGround.derived(source, TemplateGround.lead(first: "A <b>"))
                == "Hi A <b> {a|b}\n\nx (https://x.org/?n=A%20%3Cb%3E) Bye ({{unsubscribe_url}})")
        let template = try MailTemplate(subject: "s", text: nil, html: source)
        #expect(template.variables == ["first_name", "unsubscribe_url"])
    }

    @Test("the pieces of any text are the whole text, and no input is too odd", arguments: UInt64(0)..<20)
    func fuzz(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let lead = TemplateGround.lead(first: "<zz>\"'{{unsubscribe_url}}{a|b}", last: "{{unsub", company: "scribe_url}}")
        for _ in 0..<1_000 {
            let source = Self.source(&random)
            let bytes = Array(source.utf8)
            do throws(TemplateFault) {
                let tokens = try HTMLTokenizer.tokens(of: bytes)
                #expect(Self.isWhole(tokens, bytes.count), "\(source)")
            } catch {
                #expect((0...bytes.count).contains(error.offset), "\(source)")
            }
            for html in [source, nil] {
                do throws(MailText.SyntaxError) {
                    let template = try MailTemplate(subject: "{{first_name}}", text: html == nil ? source : nil, html: html)
                    let mail = template.render(TemplateGround.values(lead), choosing: "k\(seed)")
                    #expect(!(mail.html ?? "").contains("<zz>"), "\(source)")
                    for text in [mail.subject, mail.text, mail.html ?? ""] {
                        #expect(!text.contains("{{unsubscribe_url}}") && text.utf8.count <= MailText.maximumRendered, "\(source)")
                    }
                    #expect(template.warnings(customFields: []).count <= 100)
                } catch {
                    #expect((0...source.utf16.count).contains(error.position) && !error.message.isEmpty, "\(source)")
                }
            }
        }
    }

    /// None of them holds the author's own placeholder.
    private static let fragments = [
        "{{", "}}", "{", "}", "|", "\\", "<", ">", "</", "/>", "<a href=\"", "<a href='", "<p title=", "\"", "'", "=", " ", "\n", "<script>",
        "</script>", "<style>", "</style>", "<title>", "</title>", "<!--", "-->", "<!", "<?", "<li>", "<ul>", "</ul>", "<pre>", "<br>",
        "<img alt=\"x\" src=\"", "first_name", "{{first_name}}", "{{first_name|x}}", "{{last_name}}{{company}}", "{{nobody|é}}", "{a|b}",
        "{a|{b|c}}", "&amp;", "&#123;", "&#x", "&", ";", "é", "😀", "https://x.org/", "javascript:", "mailto:", "?", "#", "x", "onclick=\"",
        "style=\"", "\u{0}",
    ]

    private static func source(_ random: inout SeededRandom) -> String {
        if Int.random(in: 0..<5, using: &random) == 0 {
            let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            return String(decoding: bytes, as: UTF8.self)
        }
        var source = ""
        for _ in 0..<Int.random(in: 1...25, using: &random) { source += fragments.randomElement(using: &random) ?? "" }
        return source
    }

    private static func isWhole(_ tokens: [HTMLToken], _ count: Int) -> Bool {
        var end = 0
        for token in tokens {
            let range =
                switch token {
                case .text(let range), .characters(let range), .raw(let range), .comment(let range): range
                case .tag(let tag): tag.range
                }
            guard range.lowerBound == end, !range.isEmpty else { return false }
            end = range.upperBound
        }
        return end == count
    }
}

@Suite("Checks of templates")
struct TemplateCheckTests {
    private func codes(_ subject: String, _ text: String?, _ html: String?, customFields: Set<String> = []) throws -> [String] {
        try MailTemplate(subject: subject, text: text, html: html).warnings(customFields: customFields).map { "\($0.part.rawValue):\($0.code)" }
    }

    private static let whole = "{{postal_address}} {{unsubscribe_url}}"

    @Test("a whole template has nothing to be warned of")
    func nothing() throws {
        let html =
            "<p>{{firstName}} {{city}}</p><img src=\"https://x.org/a.png\" alt=\"\">"
            + "<p>{{postal_address}} <a href=\"{{unsubscribe_url}}\">bye</a></p>"
        #expect(try codes("Hi {{first_name}}", Self.whole, html, customFields: ["city"]) == [])
        #expect(try codes("Hi {{first_name}}", nil, html, customFields: ["city"]) == [])
    }

    @Test("each thing that is missing or odd is said, with its part")
    func each() throws {
        #expect(try codes("", Self.whole, nil) == ["subject:subject_empty"])
        #expect(try codes(String(repeating: "x", count: 79), Self.whole, nil) == ["subject:subject_too_long"])
        #expect(try codes(String(repeating: "x", count: 78), Self.whole, nil) == [])
        #expect(try codes("s {{unsubscribe_url}}", Self.whole, nil) == ["subject:unsubscribe_link_in_subject"])
        #expect(try codes("s", "t", nil) == ["text:missing_unsubscribe_link", "text:missing_postal_address"])
        #expect(
            try codes("s", Self.whole, "<p>x</p>") == ["html:missing_unsubscribe_link", "html:missing_postal_address"])
        #expect(try codes("s", "http://x.org " + Self.whole, nil) == ["text:link_not_https"])
        let html = "<p>{{postal_address}}<a href=\"{{unsubscribe_url}}\">x</a></p>"
        #expect(try codes("s", nil, html + "<a href=' HTTP://x.org'>x</a>") == ["html:link_not_https"])
        #expect(try codes("s", nil, html + "<img src=\"https://x.org\">") == ["html:image_without_alt"])
        #expect(try codes("s", nil, html + String(repeating: "x", count: 102 << 10)) == ["html:html_too_long"])
    }

    @Test("unknown names are warned of once, with their place; custom fields are known under each spelling")
    func unknown() throws {
        let template = try MailTemplate(subject: "é{{fist_name}}", text: "{{fist_name}}{{shoeSize}}{{custom.city}} \(Self.whole)", html: nil)
        #expect(template.unknownVariables(customFields: []) == ["fist_name", "shoeSize", "city"])
        let warnings = template.warnings(customFields: ["shoe_size", "city"])
        #expect(warnings.map(\.code) == ["unknown_variable", "unknown_variable"])
        #expect(warnings.map(\.part) == [.subject, .text] && warnings.map(\.position) == [1, 0])
    }

    @Test("there are at most a hundred warnings, however many there might be")
    func most() throws {
        // Alternatives do not add up to a mail that is too large.
        let names = (0..<1_500).map { "{{a\($0)}}" }.joined(separator: "|")
        let text = "{x|\(names)}"
        #expect(try codes("s", text, nil).count == 100)
    }
}
