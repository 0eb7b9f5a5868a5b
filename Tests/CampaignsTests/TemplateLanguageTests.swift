import Contracts
import Foundation
import Testing

@testable import Campaigns

/// Somebody to render for, and the ways to do it.
enum TemplateGround {
    static func lead(
        first: String? = "Ada", last: String? = nil, company: String? = nil, custom: [String: CustomValue] = [:]
    ) -> Lead {
        Lead(
            id: LeadID(UUID()), email: "ada@x.org", firstName: first, lastName: last, company: company, custom: custom,
            createdAt: Date(timeIntervalSince1970: 0))
    }

    static func values(_ lead: Lead = TemplateGround.lead()) -> MergeValues {
        MergeValues(lead: lead, senderName: "Grace", senderAddress: "g@y.org", campaignName: "Autumn", postalAddress: "1 Ice Road")
    }

    static func text(_ source: String, _ lead: Lead = TemplateGround.lead(), key: String = "k") throws -> String {
        try MailTemplate(subject: "s", text: source, html: nil).render(values(lead), choosing: key).text
    }

    static func html(_ source: String, _ lead: Lead = TemplateGround.lead(), key: String = "k") throws -> String {
        try #require(try MailTemplate(subject: "s", text: nil, html: source).render(values(lead), choosing: key).html)
    }

    static func derived(_ source: String, _ lead: Lead = TemplateGround.lead(), key: String = "k") throws -> String {
        try MailTemplate(subject: "s", text: nil, html: source).render(values(lead), choosing: key).text
    }
}

@Suite("Templates")
struct TemplateLanguageTests {
    @Test(
        "variables, fallbacks and custom fields",
        arguments: [
            ("Hi {{first_name}}", "Hi Ada <b>"), ("{{ last_name | there }}", "there"), ("{{last_name|\"dear friend\"}}!", "dear friend!"),
            ("{{last_name}}.", "."), ("{{city}} {{custom.city}}", "Århus Århus"), ("{{unsubscribe_url}}", "{{unsubscribe_url}}"),
            ("no {single} braces }}", "no {single} braces }}"), ("{{last_name|}}", ""), ("{{blank|empty}}", "empty"), ("{{amount}}", "42"),
            ("{{sender.name}} {{sender_address}} {{campaign.name}}", "Grace g@y.org Autumn"), ("{{postal_address}}", "1 Ice Road"),
            ("{{custom.email|none}}", "none"), ("{{größe}}", "XL"), ("{{lead.email}}{{values}}{{tenant_id}}", ""),
        ])
    func variables(source: String, expected: String) throws {
        let lead = TemplateGround.lead(
            first: "Ada <b>", custom: ["city": .text("Århus"), "blank": .text(" "), "amount": .number(42), "größe": .text("XL")])
        #expect(try TemplateGround.text(source, lead) == expected)
    }

    @Test(
        "every spelling of a name is understood",
        arguments: [
            ("first_name", "first_name"), ("firstName", "first_name"), ("FirstName", "first_name"), ("FIRST_NAME", "first_name"),
            ("unsubscribeURL", "unsubscribe_url"), ("senderName", "sender.name"), ("sender.name", "sender.name"),
            ("campaignName", "campaign.name"), ("postalAddress", "postal_address"), ("shoeSize", "shoeSize"), ("custom.city", "city"),
            ("custom.email", "custom.email"),
        ])
    func spellings(written: String, meant: String) throws {
        #expect(TemplateVariable(written).name == meant)
        #expect(try MailTemplate(subject: "", text: "{{\(written)}}", html: nil).variables == [meant])
    }

    @Test("a value is found under any spelling, a custom field under its own and in snake_case")
    func values() {
        let values = TemplateGround.values(TemplateGround.lead(custom: ["shoe_size": .text("38"), "homeTown": .text("Oslo")]))
        #expect(values["firstName"] == "Ada" && values["sender_name"] == "Grace" && values["unsubscribe_url"] == nil)
        #expect(values["shoeSize"] == "38" && values["homeTown"] == "Oslo" && values["custom.shoeSize"] == "38" && values["nothing"] == nil)
    }

    @Test("a lead's name cannot add a header to the subject, and a subject takes no link")
    func subject() throws {
        let template = try MailTemplate(subject: "Hi {{first_name}}{{unsubscribe_url}}", text: "t", html: nil)
        let lead = TemplateGround.lead(first: "Eve\r\nBcc: all@x.org\u{2028}\u{0}")
        #expect(template.render(TemplateGround.values(lead), choosing: "k").subject == "Hi Eve Bcc: all@x.org")
    }

    @Test(
        "what cannot be read is an error with its place, as editors count it",
        arguments: [
            ("Hi {{first_name", 3), ("{{}}", 0), ("ab{{a b}}", 2), ("😀é{{a-b}}", 3), ("{{.a}}", 0), ("{{a.}}", 0), ("x{{a{b}}", 1),
            ("x{{a|b}|c}", 1), ("{{a\n\n", 0), ("{{{first_name}|x}", 1),
        ])
    func errors(source: String, position: Int) {
        let error = #expect(throws: MailText.SyntaxError.self) { try MailText(source) }
        #expect(error?.position == position && error?.part == .text)
    }

    @Test("one part is enough, none is not")
    func parts() throws {
        #expect(throws: MailText.SyntaxError.self) { try MailTemplate(subject: "s", text: nil, html: nil) }
        #expect(throws: MailText.SyntaxError.self) { try MailTemplate(subject: "s", text: " \n", html: "") }
        let text = try MailTemplate(subject: "s", text: "t", html: " ")
        #expect(text.html == nil && !text.isTextDerived)
        let html = try MailTemplate(subject: "s", text: "", html: "<p>h</p>")
        #expect(html.isTextDerived && html.render(TemplateGround.values(), choosing: "k") == Rendered(subject: "s", text: "h", html: "<p>h</p>"))
    }

    @Test(
        "what a lead is called is never read as a part of the template",
        arguments: [
            "{{unsubscribe_url}}", "{{{unsubscribe_url}}}", "{{{{{unsubscribe_url}}", "{{company}}", "{a|b}", "\\{a\\|b\\}", "{{unsubscribe_url}}{{",
            "<a href='{{unsubscribe_url}}'>",
        ])
    func injection(value: String) throws {
        let lead = TemplateGround.lead(first: value, company: "SECRET")
        let template = try MailTemplate(
            subject: "{{first_name}}", text: "{{first_name}} {{unsubscribe_url}}", html: "<p title=\"{{first_name}}\">{{first_name}}</p>")
        for key in ["1", "2", "3", "4"] {
            let mail = template.render(TemplateGround.values(lead), choosing: key)
            #expect(mail.text.hasSuffix(" {{unsubscribe_url}}"))
            #expect(mail.text.components(separatedBy: "{{unsubscribe_url}}").count == 2)
            for part in [mail.subject, mail.html ?? ""] { #expect(!part.contains("{{unsubscribe_url}}"), "\(part)") }
            for part in [mail.subject, mail.text, mail.html ?? ""] { #expect(!part.contains("SECRET")) }
            if !value.contains("unsubscribe") { #expect(mail.subject == value) }
        }
    }

    @Test("values cannot put Delivery's placeholder together, and the author's own stays whole")
    func splitInjection() throws {
        let lead = TemplateGround.lead(first: "{{unsub", last: "scribe_url}}", company: "{")
        #expect(try TemplateGround.text("{{first_name}}{{last_name}}", lead) == "{unsubscribe_url}}")
        #expect(try TemplateGround.text("{{company}}{{first_name}}{{last_name}}", lead) == "{unsubscribe_url}}")
        #expect(try TemplateGround.text("{{company}}{{company}}{{unsubscribe_url}}", lead) == "{{{{unsubscribe_url}}")
    }

    @Test("a value is cut at a thousand characters")
    func longValues() throws {
        let long = String(repeating: "é", count: 5_000)
        #expect(try TemplateGround.text("{{company}}", TemplateGround.lead(company: long)).count == 1_000)
    }

    @Test("sizes, variables and choices have a bound each")
    func bounds() throws {
        let most = MailText.maximumSource
        #expect(throws: Never.self) { try MailText(String(repeating: "x", count: most)) }
        #expect(throws: MailText.SyntaxError.self) { try MailText(String(repeating: "x", count: most + 1)) }
        #expect(throws: MailText.SyntaxError.self) { try HTMLSource(String(repeating: "x", count: most + 1)) }
        // Alternatives do not add up, so that here only the number of variables counts.
        func alternatives(_ count: Int) -> String { "{" + [String](repeating: "{{email}}", count: count).joined(separator: "|") + "}" }
        #expect(throws: Never.self) { try MailText(alternatives(2_000)) }
        #expect(throws: MailText.SyntaxError.self) { try MailText(alternatives(2_001)) }
        #expect(throws: Never.self) { try MailText(String(repeating: "{{company}}", count: 250)) }
        #expect(throws: MailText.SyntaxError.self) { try MailText(String(repeating: "{{company}}", count: 263)) }
        #expect(throws: Never.self) { try MailText(String(repeating: "{a|b}", count: 500)) }
        #expect(throws: MailText.SyntaxError.self) { try MailText(String(repeating: "{a|b}", count: 501)) }
        let longVariable = "{{a|" + String(repeating: "x", count: 1_200) + "}}"
        #expect(throws: MailText.SyntaxError.self) { try MailText(longVariable) }
    }

    @Test("no mail is larger than its bound, whatever the values are")
    func largest() throws {
        let lead = TemplateGround.lead(company: String(repeating: "\"", count: 3_000))
        let html = try TemplateGround.html(String(repeating: "{{company}}", count: 170), lead)
        #expect(html.utf8.count == 170 * 6_000 && html.utf8.count <= MailText.maximumRendered)
        #expect(throws: MailText.SyntaxError.self) { try TemplateGround.html(String(repeating: "{{company}}", count: 175), lead) }
    }

    @Test(
        "the way out and the address count only where they always are",
        arguments: [
            ("{{unsubscribe_url}} {{postal_address}}", true), ("{a|{{unsubscribe_url}}} {{postal_address}}", false),
            ("{x {{unsubscribe_url}}|{{unsubscribe_url}}} {{postal_address}}", true), ("{{unsubscribe_url}}{a|{{postal_address}}}", false),
            ("{a|{b{{unsubscribe_url}}{{postal_address}}|c}}", false), ("", false),
        ])
    func always(source: String, expected: Bool) throws {
        let template = try MailTemplate(subject: "s", text: "x" + source, html: nil)
        #expect((template.hasUnsubscribeLink && template.hasPostalAddress) == expected)
    }

    @Test("both parts need them, and a tooltip is no link")
    func alwaysInParts() throws {
        let good = "<p>{{postal_address}}</p><a href=\"{{unsubscribe_url}}\">bye</a>"
        let derived = try MailTemplate(subject: "s", text: nil, html: good)
        #expect(derived.hasUnsubscribeLink && derived.hasPostalAddress)
        let half = try MailTemplate(subject: "s", text: "t", html: good)
        #expect(!half.hasUnsubscribeLink && !half.hasPostalAddress)
        let hidden = try MailTemplate(subject: "s", text: nil, html: "<p title=\"{{unsubscribe_url}} {{postal_address}}\">x</p>")
        #expect(!hidden.hasUnsubscribeLink && !hidden.hasPostalAddress)
    }
}
