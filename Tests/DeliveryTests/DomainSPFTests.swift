import Foundation
import TestSupport
import Testing

@testable import Delivery

@Suite("SPF records, and one line made of many")
struct DomainSPFTests {
    @Test(
        "what is a record and what is none",
        arguments: [
            ("v=spf1 a mx ip4:192.0.2.1 ip6:2001:db8::/32 include:a.example exists:%{i}.b.example ?all", nil), ("v=spf1", nil), ("V=SPF1 -ALL", nil),
            ("v=spf1 a/24 mx:c.example/24//64 a//64 redirect=a.example", nil), ("v=spf1 foo=bar exp=why.example ~all", nil),
            ("v=spf1 include: ~all", "include:"), ("v=spf1 include ~all", "include"), ("v=spf1 all:x", "all:x"), ("v=spf1 a:", "a:"),
            ("v=spf1 ip4:192.0.2.0/33", "ip4:192.0.2.0/33"), ("v=spf1 ip4:2001:db8::1", "ip4:2001:db8::1"), ("v=spf1 ip6:192.0.2.1", "ip6:192.0.2.1"),
            ("v=spf1 a/33", "a/33"), ("v=spf1 mx//129", "mx//129"), ("v=spf1 redirect=a.example redirect=b.example", "redirect=b.example"),
            ("v=spf1 =x", "=x"), ("v=spf1 ip4", "ip4"), ("v=spf1 includes:a.example", "includes:a.example"), ("v=spf1 -", "-"),
            ("v=spf1 ip4:192.0.2.01/08", "ip4:192.0.2.01/08"),
        ] as [(String, String?)])
    func parsing(text: String, fault: String?) {
        do throws(SPFRecord.Fault) {
            let record = try SPFRecord(text)
            #expect(fault == nil)
            #expect(record.lookupTerms <= text.split(separator: " ").count)
        } catch {
            #expect(error.term == fault)
        }
    }

    @Test("only a text that begins with the version and a space is SPF; others may be meant to be")
    func versions() {
        for text in ["v=spf1", "v=spf1 -all", "V=SPF1 a"] { #expect(SPFRecord.isSPF(text) && !SPFRecord.looksLikeSPF(text)) }
        for text in ["v=spf10 a", " v=spf1 a", "spf1 a", "\"v=spf1 a\"", "v=spf2.0/pra a", "include:a.example ~all"] {
            #expect(!SPFRecord.isSPF(text) && SPFRecord.looksLikeSPF(text), "\(text)")
        }
        #expect(!SPFRecord.looksLikeSPF("google-site-verification=abc"))
    }

    private static let hosts = (0..<8).map { "s\($0).example" }

    private func text(using random: inout SeededRandom) -> String {
        let terms = (0..<Int.random(in: 0...8, using: &random)).map { _ in
            let host = Self.hosts.randomElement(using: &random)!
            return [
                "include:\(host)", "a:\(host)", "mx:\(host)", "mx", "a", "ip4:192.0.2.\(Int.random(in: 0...9, using: &random))", "?include:\(host)",
                "-ip4:198.51.100.1", "exists:%{i}.\(host)", "exp=\(host)", "ptr",
            ].randomElement(using: &random)!
        }
        let end = ["", "~all", "-all", "?all", "+all", "redirect=s1.example", "~all ip4:192.0.2.77"].randomElement(using: &random)!
        return (["v=spf1"] + terms + [end]).joined(separator: " ").trimmingCharacters(in: .whitespaces)
    }

    @Test(
        "merging keeps every sender, adds those wanted once, ends once, changes nothing the second time, and counts its look-ups", arguments: 1...40)
    func merging(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let records = try (0..<Int.random(in: 0...3, using: &random)).map { _ in try SPFRecord(text(using: &random)) }
            var costs: SPFMerge.Costs = [:]
            for host in Self.hosts where Bool.random(using: &random) {
                costs.updateValue(Int.random(in: 0...4, using: &random) == 0 ? nil : Int.random(in: 0...4, using: &random), forKey: host)
            }
            let wanted = [["include:s0.example"], ["mx"], ["include:s2.example", "include:own.example"]].randomElement(using: &random)!
            let merge = SPFMerge(records, adding: wanted, costs: costs)
            let line = try SPFRecord(merge.line)
            let again = SPFMerge([line], adding: wanted, costs: costs)
            #expect(again.line == merge.line && again.lookups == merge.lookups && again.dropped.isEmpty, "\(merge.line) became \(again.line)")
            let terms = line.mechanisms.map(\.text)
            #expect(Set(terms).count == terms.count && wanted.allSatisfy(terms.contains))
            #expect(line.ignored.isEmpty && (line.end != nil) != (line.redirect != nil))
            #expect(line.end.map { [.softFail, .fail].contains($0.qualifier) } ?? true)
            for mechanism in records.flatMap(\.mechanisms) where mechanism.name != "all" {
                #expect(terms.contains(mechanism.text) || merge.dropped.contains(mechanism.text), "\(mechanism.text) is lost")
            }
            // The order in which the records come changes the line, not what it lets through.
            let turned = try SPFRecord(SPFMerge(records.reversed(), adding: wanted, costs: costs).line)
            #expect(Set(turned.mechanisms.map(\.text)) == Set(terms) && turned.redirect == line.redirect)
            func cost(_ target: String?) -> Int { target.flatMap { costs[$0] ?? nil } ?? 0 }
            var counted = line.redirect == nil ? 0 : 1 + cost(line.redirect)
            for mechanism in line.mechanisms where mechanism.needsLookup { counted += 1 + (mechanism.name == "include" ? cost(mechanism.target) : 0) }
            #expect(merge.lookups == counted && merge.fits == (counted <= 10))
        }
    }

    @Test(
        "lines as people would write them",
        arguments: [
            ([], ["include:a.example"], "v=spf1 include:a.example ~all"),
            (["v=spf1 -all"], ["include:a.example"], "v=spf1 include:a.example -all"),
            (["v=spf1 a -all", "v=spf1 mx"], ["include:a.example"], "v=spf1 a mx include:a.example ~all"),
            (["v=spf1 redirect=b.example"], ["include:a.example"], "v=spf1 include:a.example redirect=b.example"),
            (["v=spf1 redirect=b.example", "v=spf1 a ~all"], ["mx"], "v=spf1 include:b.example a mx ~all"),
            (["v=spf1 INCLUDE:A.example +all"], ["include:a.example"], "v=spf1 include:A.example ~all"),
        ] as [([String], [String], String)])
    func lines(records: [String], wanted: [String], line: String) throws {
        #expect(SPFMerge(try records.map { try SPFRecord($0) }, adding: wanted).line == line)
    }

    @Test("providers are known by their SMTP servers, and SPF names each of them once")
    func providers() {
        #expect(MailProvider.of(server: "SMTP.gmail.com")?.include == "_spf.google.com")
        #expect(MailProvider.of(server: "email-smtp.eu-west-1.amazonaws.com")?.name == "Amazon SES")
        #expect(MailProvider.of(server: "mail.acme.example") == nil && MailProvider.of(server: "amazonaws.com.evil.example") == nil)
        var subject = DomainChecker.Subject(
            domain: "acme.example", token: "t", servers: ["smtp.gmail.com", "smtp.googlemail.com", "smtp.office365.com"])
        #expect(subject.senders(.init(trackingTarget: "x.example")) == ["include:_spf.google.com", "include:spf.protection.outlook.com"])
        #expect(subject.allSelectors == ["google", "selector1", "selector2"])
        subject.servers = ["mail.acme.example"]
        #expect(subject.senders(.init(trackingTarget: "x.example")) == ["mx"])
        #expect(subject.senders(.init(include: "ours.example", trackingTarget: "x.example")) == ["include:ours.example"])
        #expect(MailProvider.isOwn(domain: "gmail.com") && !MailProvider.isOwn(domain: "acme.example"))
        // Below Amazon's name there are rented machines, too; its mail service has envelopes of its own.
        #expect(MailProvider.of(server: "ec2-198-51-100-7.eu-west-1.compute.amazonaws.com") == nil)
        #expect(MailProvider.of(server: "email-smtp.amazonaws.com") == nil)
        subject.servers = ["email-smtp.us-east-1.amazonaws.com"]
        #expect(subject.senders(.init(trackingTarget: "x.example")) == ["mx"])
        #expect(MailProvider.of(server: "smtp.ionos.co.uk")?.include == "_spf-eu.ionos.com")
        #expect(MailProvider.includes(like: "zohomail.eu") == ["zohomail.eu", "one.zoho.eu", "zoho.eu", "spf.zoho.eu"])
        #expect(MailProvider.includes(like: "acme.example") == ["acme.example"])
        // A server belongs to one provider.
        let servers = MailProvider.all.flatMap(\.servers)
        #expect(Set(servers).count == servers.count)
    }
}
