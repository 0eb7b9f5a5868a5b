import Foundation
import Mail
import TestSupport
import Testing

@testable import Delivery

@Suite("Would Gmail accept this?")
struct ComplianceCheckTests {
    private static let link = "https://app.example/u/abc.def"

    private static let good = DomainState(
        spf: .pass, envelopeDomain: "bounce.acme.example", signing: .ours("acme.example"),
        keys: [
            .init(selector: "a", algorithm: .rsa, bits: 2_048, isPublished: true),
            .init(selector: "b", algorithm: .ed25519, bits: nil, isPublished: true),
        ],
        dmarc: .init(finding: .pass, policy: DomainState.DMARC.Policy.none, isStrictDKIM: false, isStrictSPF: false),
        trackingDomain: "go.acme.example",
        isServerOurs: false, pointer: .pass, tls: .pass, organisation: "acme.example")

    /// A mail with nothing to say against it, changed by `change`.
    private struct Draft {
        var address = "ada@acme.example"
        var name = "Ada of Acme"
        var subject = "A question about your shop"
        var text = "Hello Bob,\nwould this help you? https://acme.example/page\nNo more mail: \(ComplianceCheckTests.link)\n"
        var html: String? =
            #"<p>Hello Bob, would <a href="https://acme.example/page">this</a> help you?</p><p><a href="\#(ComplianceCheckTests.link)">No more mail</a></p>"#
        var domain = ComplianceCheckTests.good
        var isReply = false
        var complaints = 0
        var accepted = 5_000
        var signed: [String] = ["from", "subject", "list-unsubscribe", "list-unsubscribe-post"]
        var dropsHeader: String?
        var oneClick = true
    }

    private func report(_ change: (inout Draft) -> Void) throws -> ComplianceReport {
        var draft = Draft()
        change(&draft)
        let sender = try MailAddress(draft.address)
        let mail = MailMessage(
            from: sender.named(draft.name), to: [try MailAddress("bob@shop.example").named(nil)], subject: draft.subject, text: draft.text,
            html: draft.html, messageIdentifier: "x@acme.example", date: Date(timeIntervalSince1970: 1_800_000_000),
            listUnsubscribe: ListUnsubscribe(link: Self.link, oneClick: draft.oneClick))
        var lines = String(decoding: try mail.serialized(), as: UTF8.self).components(separatedBy: "\r\n")
        if let dropped = draft.dropsHeader { lines.removeAll { $0.lowercased().hasPrefix(dropped + ":") } }
        if !draft.signed.isEmpty {
            lines.insert("DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=a;\r\n\th=\(draft.signed.joined(separator: ":")); bh=x; b=y", at: 0)
        }
        return ComplianceCheck(
            ComplianceSample(
                address: draft.address, displayName: draft.name, subject: draft.subject, text: draft.text, html: draft.html,
                mail: Array(lines.joined(separator: "\r\n").utf8), unsubscribeLink: Self.link, isReply: draft.isReply, domain: draft.domain,
                complaints: draft.complaints, accepted: draft.accepted)
        ).report()
    }

    private func verdict(_ rule: ComplianceRule.Identifier, _ change: (inout Draft) -> Void) throws -> ComplianceReport.Verdict? {
        try report(change).items.first { $0.rule == rule }?.verdict
    }

    @Test("a good mail is accepted by all, and every rule has its verdict, reason and source")
    func good() throws {
        let report = try report { _ in }
        let bad = report.items.filter { $0.verdict != .pass && $0.verdict != .notApplicable }
        #expect(report.overall == .accepted && bad.isEmpty, "\(bad)")
        #expect(report.providers.map(\.overall) == [.accepted, .accepted, .accepted])
        #expect(Set(report.items.map(\.rule)) == Set(ComplianceRule.Identifier.allCases))
        for item in report.items { #expect(!item.reason.isEmpty && !item.sources.isEmpty && item.advice == nil) }
        for rule in ComplianceRule.Identifier.allCases { #expect(ComplianceRule.of(rule) != nil) }
        #expect(report.items.first { $0.rule == .pointer }?.verdict == .notApplicable)
        #expect(report.items.first { $0.rule == .pointer }?.reason.contains("your provider's") == true)
    }

    @Test("the rules of authentication, each broken alone")
    func authentication() throws {
        let cases: [(ComplianceRule.Identifier, ComplianceReport.Verdict, (inout Draft) -> Void)] = [
            (.spf, .fail, { $0.domain.spf = .fail("the record has no include of the server") }),
            (.spf, .warn, { $0.domain.spf = .unknown("nobody answered") }),
            (.dkim, .fail, { $0.domain.keys = [] }),
            (.dkim, .fail, { $0.domain.keys = [.init(selector: "a", algorithm: .rsa, bits: 2_048, isPublished: false)] }),
            (.dkim, .fail, { $0.domain.keys = [.init(selector: "a", algorithm: .rsa, bits: 512, isPublished: true)] }),
            (.dkim, .warn, { $0.domain.keys = [.init(selector: "a", algorithm: .rsa, bits: 1_024, isPublished: true)] }),
            (.dkim, .warn, { $0.domain.keys = [.init(selector: "b", algorithm: .ed25519, bits: nil, isPublished: true)] }),
            (.dkim, .fail, { $0.domain.signing = .nobody }),
            (.dkim, .warn, { ($0.domain.signing, $0.domain.keys) = (.providers(nil), []) }),
            (.dkim, .pass, { ($0.domain.signing, $0.domain.keys) = (.providers("acme.example"), []) }),
            (.dmarc, .fail, { $0.domain.dmarc = .init(finding: .fail("there is none"), policy: nil, isStrictDKIM: false, isStrictSPF: false) }),
            (.alignment, .pass, { $0.domain.signing = .ours("mail.acme.example") }),
            (.alignment, .pass, { $0.domain.signing = .ours("other.example") }),
            (.alignment, .fail, { ($0.domain.signing, $0.domain.envelopeDomain) = (.ours("other.example"), "provider.example") }),
            (.alignment, .fail, { ($0.domain.signing, $0.domain.spf) = (.nobody, .fail("no")) }),
            (
                .alignment, .fail,
                {
                    $0.domain.signing = .ours("mail.acme.example")
                    $0.domain.dmarc = .init(finding: .pass, policy: .reject, isStrictDKIM: true, isStrictSPF: true)
                }
            ),
            (.alignment, .warn, { ($0.domain.signing, $0.domain.keys, $0.domain.envelopeDomain) = (.providers(nil), [], nil) }),
            // Two of one organisation beside each other; the organisation's own; one that only ends alike; one whose walk ended below.
            (
                .alignment, .pass,
                { ($0.address, $0.domain.signing, $0.domain.spf) = ("ada@sales.acme.example", .ours("bulk.acme.example"), .fail("no")) }
            ),
            (.alignment, .pass, { ($0.address, $0.domain.signing, $0.domain.spf) = ("ada@sales.acme.example", .ours("acme.example"), .fail("no")) }),
            (.alignment, .fail, { ($0.domain.signing, $0.domain.spf) = (.ours("notacme.example"), .fail("no")) }),
            (
                .alignment, .fail,
                {
                    ($0.address, $0.domain.signing, $0.domain.spf) = ("ada@sales.acme.example", .ours("acme.example"), .fail("no"))
                    $0.domain.organisation = "sales.acme.example"
                }
            ),
            // A registry's domain is nobody's organisation, however much it is above.
            (
                .alignment, .fail,
                {
                    ($0.address, $0.domain.signing, $0.domain.spf) = ("ada@acme.co.example", .ours("co.example"), .fail("no"))
                    $0.domain.organisation = "acme.co.example"
                }
            ),
            // Nobody has walked: the same name is certain, another is not.
            (.alignment, .pass, { ($0.domain.signing, $0.domain.organisation) = (.ours("acme.example"), nil) }),
            (.alignment, .warn, { ($0.domain.signing, $0.domain.spf, $0.domain.organisation) = (.ours("mail.acme.example"), .fail("no"), nil) }),
            (.pointer, .fail, { ($0.domain.isServerOurs, $0.domain.pointer) = (true, .fail("the address has no name")) }),
            (.pointer, .pass, { $0.domain.isServerOurs = true }),
            (.tls, .warn, { ($0.domain.isServerOurs, $0.domain.tls) = (true, .unknown("nobody has looked")) }),
        ]
        for (index, (rule, expected, change)) in cases.enumerated() {
            let found = try verdict(rule, change)
            #expect(found == expected, "case \(index): \(rule)")
        }
    }

    @Test("the rules of leaving and of the sender, each broken alone")
    func leaving() throws {
        let cases: [(ComplianceRule.Identifier, ComplianceReport.Verdict, (inout Draft) -> Void)] = [
            (.oneClick, .fail, { $0.dropsHeader = "list-unsubscribe" }),
            (.oneClick, .fail, { $0.dropsHeader = "list-unsubscribe-post" }),
            (.oneClick, .fail, { $0.oneClick = false }),
            (.signedOneClick, .fail, { $0.signed = ["from", "list-unsubscribe"] }),
            (.signedOneClick, .fail, { $0.signed = [] }),
            (.signedOneClick, .notApplicable, { ($0.signed, $0.domain.signing) = ([], .providers("acme.example")) }),
            (.visibleUnsubscribe, .fail, { $0.html = "<p>Hello</p>" }),
            (.visibleUnsubscribe, .fail, { ($0.html, $0.text) = (nil, "Hello") }),
            (.visibleUnsubscribe, .warn, { $0.text = "Hello" }),
            (.visibleUnsubscribe, .pass, { $0.html = nil }),
            (.from, .fail, { $0.name = "billing@paypal.example" }),
            (.from, .pass, { $0.name = "ada@acme.example" }),
            (.from, .fail, { $0.dropsHeader = "from" }),
            (.complaints, .warn, { $0.complaints = 5 }),
            (.complaints, .fail, { $0.complaints = 15 }),
            (.complaints, .pass, { $0.complaints = 4 }),
        ]
        for (index, (rule, expected, change)) in cases.enumerated() {
            let found = try verdict(rule, change)
            #expect(found == expected, "case \(index): \(rule)")
        }
    }

    private static func html(_ inner: String) -> String { "<p>Hello there</p>\(inner)<p><a href=\"\(link)\">No more mail</a></p>" }

    @Test("the rules of content, each broken alone")
    func content() throws {
        let cases: [(ComplianceRule.Identifier, ComplianceReport.Verdict, (inout Draft) -> Void)] = [
            (.size, .warn, { $0.html = Self.html(String(repeating: "<p>Hello</p>", count: 9_000)) }),
            (.size, .pass, { $0.html = Self.html(String(repeating: "x", count: 90_000)) }),
            (.textPart, .warn, { $0.text = " \n" }),
            (.imageOnly, .warn, { $0.html = Self.html(#"<img src="https://acme.example/a.png">"#) }),
            (.imageOnly, .pass, { $0.html = Self.html(#"<img src="a.png">"# + String(repeating: "word ", count: 20)) }),
            (.hosts, .fail, { $0.html = Self.html(#"<a href="http://203.0.113.9/x">here</a>"#) }),
            (.hosts, .fail, { $0.text += "https://3405803785/x" }),
            (.hosts, .fail, { $0.html = Self.html("<a href='https://[2001:db8::1]/'>here</a>") }),
            (.hosts, .fail, { $0.html = Self.html("<a href=https://good.example@0xCB007109/>here</a>") }),
            (.shorteners, .warn, { $0.html = Self.html(#"<a href="https://bit.ly/x">here</a>"#) }),
            (.shorteners, .warn, { $0.text += "https://www.TinyURL.com/x" }),
            (.https, .warn, { $0.html = Self.html(#"<a href="http://acme.example/x">here</a>"#) }),
            (.mismatch, .fail, { $0.html = Self.html(#"<a href="https://evil.example/">https://bank.example/login</a>"#) }),
            (.mismatch, .fail, { $0.html = Self.html(#"<a href="https://evil.test/"><b>www.bank.com</b></a>"#) }),
            (.mismatch, .pass, { $0.html = Self.html(#"<a href="https://www.bank.com/login">bank.com</a>"#) }),
            (.mismatch, .pass, { $0.html = Self.html(#"<a href="https://go.acme.example/c/1">https://shop.com/page</a>"#) }),
            (.mismatch, .pass, { $0.html = Self.html(#"<a href="https://acme.example/">Read e.g. readme.md</a>"#) }),
            (.tracking, .warn, { $0.domain.trackingDomain = "clicks.tracker.example" }),
            (.tracking, .notApplicable, { $0.domain.trackingDomain = nil }),
            (.replyPrefix, .warn, { $0.subject = "Re: our talk" }),
            (.replyPrefix, .pass, { ($0.subject, $0.isReply) = ("RE: our talk", true) }),
            (.replyPrefix, .pass, { $0.subject = "Regarding your shop" }),
            (.subjectForm, .warn, { $0.subject = "" }),
            (.subjectForm, .warn, { $0.subject = "BUY THIS TODAY" }),
            (.subjectForm, .warn, { $0.subject = "Buy this!!!" }),
            (.subjectForm, .warn, { $0.subject = String(repeating: "long ", count: 40) }),
            (.subjectForm, .warn, { $0.subject = "Hi {{first_name}}" }),
        ]
        for (index, (rule, expected, change)) in cases.enumerated() {
            let found = try verdict(rule, change)
            #expect(found == expected, "case \(index): \(rule)")
        }
    }

    @Test("the whole: a warning puts at risk, a failure refuses, and each provider has its own answer")
    func overall() throws {
        let risky = try report { $0.subject = "Re: our talk" }
        #expect(risky.overall == .atRisk && risky.providers.allSatisfy { $0.overall == .atRisk && $0.because == [.replyPrefix] })
        let refused = try report { $0.domain.dmarc = .init(finding: .fail("there is none"), policy: nil, isStrictDKIM: false, isStrictSPF: false) }
        #expect(refused.overall == .refused)
        let item = try #require(refused.items.first { $0.rule == .dmarc })
        #expect(item.advice?.contains("v=DMARC1") == true)
        #expect(Set(item.sources.compactMap(\.code)) == ["5.7.26", "5.7.9", "5.7.515"])
        // Only Gmail clips.
        let long = try report { $0.html = Self.html(String(repeating: "<p>Hello</p>", count: 9_000)) }
        #expect(long.providers.map(\.overall) == [.atRisk, .accepted, .accepted])
        let unknown = try report { $0.domain = .unknown }
        #expect(unknown.overall == .atRisk)
    }

    @Test("HTML is read in one pass: comments, styles, quotes and what is no tag")
    func scan() {
        let scan = HTMLScan(
            """
            <style>a<b { color: red }</style><!-- <a href="https://no.example">no</a> --><P>One &amp; two 1 < 2</P>
            <a  class='x>y' HREF = "https://a.example/?q=1&amp;r=2" ><b>Three</b>
            four</a><script>if (a < b) { "it's" }</script><IMG src=x><img/><a name="anchor">five</a><a href=https://b.example/x>six
            """)
        #expect(
            scan.links == [
                .init(target: "https://a.example/?q=1&r=2", text: "Three four"), .init(target: "https://b.example/x", text: "six"),
            ])
        #expect(scan.images == 2)
        #expect(!scan.text.contains("color") && !scan.text.contains("it's") && !scan.text.contains("no") && scan.text.contains("One & two 1 < 2"))
        for rest in ["<", "<a", "<a href", "<a href=", "<a href=\"", "<!--", "</", "<style>", "<style><a href=x>", "<a href='x", "&amp", "<>"] {
            #expect(HTMLScan(rest).links.count <= 1)
        }
    }

    @Test("whatever stands there, reading ends", arguments: 0..<20 as Range<UInt64>)
    func anything(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces = [
            "<", ">", "a", "</a>", "<a href=", "\"", "'", "=", " ", "<!--", "-->", "<style>", "</style>", "/", "https://x.example", "&amp;", "é",
            "\n",
        ]
        for _ in 0..<200 {
            let text = (0..<Int.random(in: 0...60, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
            let scan = HTMLScan(text)
            #expect(scan.text.utf8.count <= text.utf8.count && scan.links.count <= 60)
        }
    }

    @Test("link by link: what is a host, and what only looks like one")
    func links() {
        #expect(MailLink("HTTPS://WWW.Acme.Example.:443/x?y#z")?.host == "www.acme.example")
        #expect(MailLink("https://user:pw@acme.example/")?.host == "acme.example")
        for text in ["mailto:a@b.example", "#top", "/x", "https:", "https://", "javascript:alert(1)", "https://{{domain}}/x", ""] {
            #expect(MailLink(text) == nil, "\(text)")
        }
        #expect(
            MailLink.all(in: "see https://a.example, (https://b.example/x) and <http://c.example>.").map(\.host) == [
                "a.example", "b.example", "c.example",
            ])
        #expect(MailLink.claimedHost(in: " https://a.example/x ") == "a.example" && MailLink.claimedHost(in: "acme.com/offer") == "acme.com")
        for text in ["Click here", "e.g.", "readme.md", "", "1.2", "acme"] { #expect(MailLink.claimedHost(in: text) == nil, "\(text)") }
    }
}
