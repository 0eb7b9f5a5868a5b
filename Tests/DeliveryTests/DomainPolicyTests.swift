import DNS
import Foundation
import TestSupport
import Testing

@testable import Delivery

@Suite("DMARC's tree walk, DKIM's records, and how a domain stands over time")
struct DomainPolicyTests {
    private func steps(_ records: [String: String], from domain: String) async throws -> (steps: [DMARCWalk.Step], asked: [String]) {
        let asked = Asked()
        let resolver = DNSResolver { name, _ in
            await asked.add(name)
            return records[name].map { DNSAnswer(.records([.text($0)])) } ?? DNSAnswer(.noSuchDomain)
        }
        let steps = try await DMARCWalk(dns: CheckedDNS(resolver)).walk(from: domain)
        return (steps, await asked.names)
    }

    private actor Asked {
        private(set) var names: [String] = []
        func add(_ name: String) { names.append(name) }
    }

    @Test("at most eight questions, the second of them with seven labels")
    func names() {
        #expect(DMARCWalk.names(from: "a.mail.example.com") == ["a.mail.example.com", "mail.example.com", "example.com", "com"])
        #expect(
            DMARCWalk.names(from: "a.b.c.d.e.f.g.h.i.j.mail.example.com") == [
                "a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com", "i.j.mail.example.com",
                "j.mail.example.com", "mail.example.com", "example.com", "com",
            ])
        #expect(
            DMARCWalk.names(from: "b.c.d.e.f.g.example.com") == [
                "b.c.d.e.f.g.example.com", "c.d.e.f.g.example.com", "d.e.f.g.example.com", "e.f.g.example.com", "f.g.example.com", "g.example.com",
                "example.com", "com",
            ])
        for count in 1...60 { #expect(DMARCWalk.names(from: Array(repeating: "x", count: count).joined(separator: ".")).count <= 8) }
    }

    @Test("the organisation's domain is the highest with a record, unless one says where it ends")
    func organisations() async throws {
        let top = try await steps(["_dmarc.example.com": "v=DMARC1; p=reject"], from: "a.mail.example.com")
        #expect(DMARCWalk.organisation(top.steps) == "example.com" && DMARCWalk.applying(top.steps)?.domain == "example.com")
        #expect(top.asked == ["_dmarc.a.mail.example.com", "_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com"])
        let ended = try await steps(
            ["_dmarc.mail.example.com": "v=DMARC1; p=none; psd=n", "_dmarc.example.com": "v=DMARC1; p=reject"], from: "a.mail.example.com")
        #expect(DMARCWalk.organisation(ended.steps) == "mail.example.com" && ended.asked.count == 2)
        let registry = try await steps(
            ["_dmarc.bank": "v=DMARC1; p=reject; psd=y", "_dmarc.mail.example.bank": "v=DMARC1; p=none"], from: "mail.example.bank")
        #expect(DMARCWalk.organisation(registry.steps) == "example.bank" && DMARCWalk.applying(registry.steps)?.domain == "mail.example.bank")
        // Nothing of its own: the registry's applies.
        let bare = try await steps(["_dmarc.bank": "v=DMARC1; p=reject; psd=y"], from: "mail.example.bank")
        #expect(DMARCWalk.organisation(bare.steps) == "example.bank" && DMARCWalk.applying(bare.steps)?.domain == "bank")
        let own = try await steps(["_dmarc.gov.example": "v=DMARC1; p=none; psd=y"], from: "gov.example")
        #expect(DMARCWalk.organisation(own.steps) == "gov.example")
        let none = try await steps([:], from: "a.example.com")
        #expect(DMARCWalk.organisation(none.steps) == "a.example.com" && DMARCWalk.applying(none.steps) == nil)
        let other = try await steps(["_dmarc.a.example.com": "v=spf1 -all"], from: "a.example.com")
        #expect(DMARCWalk.applying(other.steps) == nil)
    }

    @Test("a walk that DNS breaks off says so")
    func brokenOff() async {
        let resolver = DNSResolver { _, _ in DNSAnswer(.failed(.timeout)) }
        await #expect(throws: DNSFailure.timeout) { _ = try await DMARCWalk(dns: CheckedDNS(resolver)).walk(from: "a.example") }
    }

    @Test(
        "relaxed is the same organisation, strict the same name",
        arguments: [
            ("example.com", "example.com", true, true), ("mail.example.com", "example.com", true, false),
            ("a.example.com", "b.example.com", true, false),
            ("example.org", "example.com", false, false),
        ])
    func alignment(authenticated: String, author: String, relaxed: Bool, strict: Bool) {
        let organisation = { (domain: String) in domain.split(separator: ".").suffix(2).joined(separator: ".") }
        #expect(DMARCRecord.aligns(authenticated, with: author, .relaxed, organisation: organisation) == relaxed)
        #expect(DMARCRecord.aligns(authenticated, with: author, .strict, organisation: organisation) == strict)
    }

    @Test("a policy is read with all that it says")
    func policies() throws {
        let record = try DMARCRecord(
            "v=DMARC1;p=Quarantine; sp=none ;np=reject; adkim=s; aspf=r; t=y; rua=mailto:a@x.example, mailto:b@y.example!10m;")
        #expect(record.policy == .quarantine && record.subdomainPolicy == DMARCRecord.Policy.none && record.missingDomainPolicy == .reject)
        #expect(record.dkimAlignment == .strict && record.spfAlignment == .relaxed && record.isTesting && record.publicSuffix == "u")
        #expect(record.reportAddresses == ["mailto:a@x.example", "mailto:b@y.example!10m"])
        for text in ["p=none; v=DMARC1", "v=DMARC2; p=none", "v=dmarc1; p=none", "p=none"] { #expect(!DMARCRecord.isDMARC(text), "\(text)") }
    }

    @Test(
        "RSA keys are measured in both forms, and nothing else is",
        arguments: [(TestKeys.rsa2048, 2_048), (TestKeys.rsa1024, 1_024), (TestKeys.rsa512, 512), (TestKeys.rsa1536PKCS1, 1_536)])
    func keySizes(key: String, bits: Int) throws {
        let der = [UInt8](try #require(Data(base64Encoded: key)))
        #expect(RSAKeySize.bits(of: der) == bits)
        for length in stride(from: 0, to: der.count, by: 7) { #expect(RSAKeySize.bits(of: Array(der.prefix(length))) == nil) }
        var random = SeededRandom(seed: UInt64(bits))
        for _ in 0..<5_000 {
            var damaged = der
            for _ in 0..<4 { damaged[Int.random(in: 0..<40, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            if let size = RSAKeySize.bits(of: damaged) { #expect(size <= der.count * 8) }
        }
    }

    @Test("a key record written across lines, with spaces in the key, is read")
    func keyRecord() throws {
        let spaced = TestKeys.rsa2048.enumerated().map { $0.offset % 60 == 59 ? "\($0.element) " : "\($0.element)" }.joined()
        let record = try DKIMRecord("v=DKIM1; k=rsa; t=s; n=note;\n p=\(spaced);")
        #expect(record.publicKey == TestKeys.rsa2048 && record.bits == 2_048 && !record.isTesting)
    }

    @Test(
        "a domain that breaks is looked at twice, with a while between, before it counts as broken",
        arguments: [
            (DomainStanding.State.pending, true, 60, DomainStanding.State.verified), (.pending, false, 60, .pending), (.pending, nil, 60, .pending),
            (.verified, true, 60, .verified), (.verified, false, 60, .failing), (.verified, nil, 60, .verified), (.failing, true, 60, .verified),
            (.failing, false, 60, .failing), (.failing, false, 600, .broken), (.failing, nil, 600, .failing), (.broken, false, 600, .broken),
            (.broken, nil, 600, .broken), (.broken, true, 600, .verified),
        ] as [(DomainStanding.State, Bool?, TimeInterval, DomainStanding.State)])
    func standing(state: DomainStanding.State, isGood: Bool?, since: TimeInterval, expected: DomainStanding.State) {
        let next = DomainStanding(state: state, attempts: 3).next(isGood: isGood, sinceLast: since)
        #expect(next.state == expected)
        #expect(next.isAuthenticated == [.verified, .failing].contains(expected))
    }

    @Test("whoever has just published is looked at often, then rarer, then daily; name servers that never answer are broken in the end")
    func pauses() {
        var standing = DomainStanding()
        var pauses: [TimeInterval] = []
        for _ in 0..<200 {
            standing = standing.next(isGood: false, sinceLast: 60)
            pauses.append(standing.pause(isUndecided: false, spread: 0))
        }
        #expect(pauses.prefix(8) == [60, 120, 240, 480, 960, 1_920, 3_600, 3_600] && pauses.last == 86_400)
        #expect(pauses == pauses.sorted())
        #expect(DomainStanding(state: .verified).pause(isUndecided: false, spread: 1) == 90_000)
        #expect(DomainStanding(state: .failing).pause(isUndecided: false, spread: 0) == 600)
        var silent = DomainStanding(state: .verified)
        var seconds: TimeInterval = 0
        while silent.state != .broken, seconds < 30 * 86_400 {
            silent = silent.next(isGood: nil, sinceLast: 1_800)
            seconds += silent.pause(isUndecided: true, spread: 0)
        }
        #expect((86_400...4 * 86_400).contains(seconds))
    }
}
