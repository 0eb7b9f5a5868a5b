import Foundation
import Testing

@testable import Campaigns

@Suite("Choices in templates")
struct TemplateSpintaxTests {
    /// How often each text came up for ten thousand keys.
    private func counts(_ source: String) throws -> [String: Int] {
        let template = try MailTemplate(subject: "s", text: source, html: nil)
        let values = TemplateGround.values()
        return (0..<10_000).reduce(into: [:]) { $0[template.render(values, choosing: "campaign:\($1):1").text, default: 0] += 1 }
    }

    @Test("the alternatives come up about as often as each other")
    func distribution() throws {
        let three = try counts("{a|b|c}")
        #expect(Set(three.keys) == ["a", "b", "c"] && three.values.allSatisfy { (3_000...3_700).contains($0) }, "\(three)")
        let nested = try counts("{a|{b|c}}")
        #expect((4_700...5_300).contains(nested["a"] ?? 0) && (2_200...2_800).contains(nested["b"] ?? 0), "\(nested)")
    }

    @Test("two choices of a mail are drawn apart, also those of its subject and its text")
    func independence() throws {
        let pairs = try counts("{a|b} {c|d}")
        #expect(pairs.count == 4 && pairs.values.allSatisfy { (2_200...2_800).contains($0) }, "\(pairs)")
        let template = try MailTemplate(subject: "{a|b}", text: "{a|b}", html: nil)
        let same = (0..<10_000).count { number in
            let mail = template.render(TemplateGround.values(), choosing: "campaign:\(number):1")
            return mail.subject == mail.text
        }
        #expect((4_700...5_300).contains(same), "\(same)")
    }

    @Test("the same key always gives the same mail, today and after every release")
    func reproducible() throws {
        let source = "{Hi|Hello|Hey} {{first_name}}, {how {are|were} you|good {morning|evening}}"
        let again = try MailTemplate(subject: "s", text: source, html: nil)
        let template = try MailTemplate(subject: "s", text: source, html: nil)
        for number in 0..<200 {
            #expect(
                template.render(TemplateGround.values(), choosing: "k\(number)") == again.render(TemplateGround.values(), choosing: "k\(number)"))
        }
        // FNV-1a's published value of "a".
        #expect(SpintaxChoices.hash("a") == 0xAF63_DC4C_8601_EC8C)
    }

    @Test(
        "braces that are no choice stay, and a backslash makes them plain",
        arguments: [
            ("p { color: red }", "p { color: red }"), (#"{"a": {"b": 1}}"#, #"{"a": {"b": 1}}"#), ("a|b", "a|b"), ("{a|b", "{a|b"),
            ("a|b}", "a|b}"), ("{}", "{}"), ("{|}", ""), (#"\{a\|b\}"#, "{a|b}"), (#"{a\|b}"#, "{a|b}"), (#"C:\temp"#, #"C:\temp"#),
            (#"{x\}|x\}}"#, "x}"), ("{x|x}{", "x{"), ("{{{first_name}}|{{first_name}}}", "Ada"), ("{Hi {{first_name}}|Hi {{first_name}}}", "Hi Ada"),
            ("{{{last_name|x}}|{{last_name|x}}}", "x"), (#"\{{first_name}}"#, "{{first_name}}"), ("{ {x|x}| {x|x}}", " x"),
        ])
    func literals(source: String, expected: String) throws {
        #expect(try TemplateGround.text(source) == expected)
    }

    @Test("choices are nested five deep; braces that are no choice as deep as anyone likes")
    func depth() throws {
        func nested(_ depth: Int) -> String { (0..<depth).reduce("x") { text, _ in "{y|\(text)}" } }
        #expect(throws: Never.self) { try MailText(nested(5)) }
        let error = #expect(throws: MailText.SyntaxError.self) { try MailText("ab" + nested(6)) }
        #expect(error?.position == 2)
        let braces = String(repeating: "{ ", count: 1_000) + String(repeating: " }", count: 1_000)
        #expect(try TemplateGround.text(braces) == braces)
        let open = String(repeating: "{ ", count: 100_000)
        #expect(try TemplateGround.text(open) == open)
        let bars = String(repeating: "{ |", count: 100_000)
        #expect(try TemplateGround.text(bars) == bars)
    }

    @Test("in HTML only what people read holds choices, and the derived text chooses alike")
    func html() throws {
        let source =
            "<style>p{a|b}</style><p style=\"{a|b}\" title='{c|d}'>"
            + "{<b>one</b>|<i>two</i>} <a href=\"https://x.org/{e|f}\">{three|four}</a></p>"
        var seen: Set<String> = []
        for number in 0..<100 {
            let mail = try MailTemplate(subject: "s", text: nil, html: source).render(TemplateGround.values(), choosing: "k\(number)")
            let html = try #require(mail.html)
            #expect(html.hasPrefix("<style>p{a|b}</style><p style=\"{a|b}\" title='{c|d}'>"))
            let first = html.contains("<b>one</b>") ? "one" : "two"
            let second = html.contains(">three</a>") ? "three" : "four"
            #expect(mail.text == "\(first) \(second) (https://x.org/{e|f})")
            seen.insert(mail.text)
        }
        #expect(seen.count == 4)
    }
}
