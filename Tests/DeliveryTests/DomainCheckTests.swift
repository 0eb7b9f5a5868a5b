import DNS
import Foundation
import TestSupport
import Testing

@testable import Delivery

@Suite("What a domain publishes, asked of a real DNS server", .serialized)
struct DomainCheckTests {
    /// One for all: the zones follow each other.
    private static let server = Task { try await TestDNSServer.start() }

    private func check(_ zone: DomainZone, _ subject: DomainChecker.Subject = DomainZone.subject, include: String? = nil) async throws -> DomainReport
    {
        let server = try await Self.server.value
        try server.publish(zone.entries)
        let resolver = DNSResolver.live(server: DNSServerAddress(server.address), seconds: 1, attempts: 1)
        return await DomainChecker(
            resolver: resolver, rules: .init(include: include, trackingTarget: DomainZone.trackingTarget)
        ).check(subject)
    }

    private func codes(_ report: DomainReport) -> Set<DomainFinding.Code> {
        Set((report.findings + report.records.flatMap(\.findings)).map(\.code))
    }

    @Test("a zone as it should be has no finding, and every record is ok")
    func healthy() async throws {
        let report = try await check(DomainZone())
        #expect(codes(report) == [] && report.reasons == [])
        #expect(report.records.map(\.state) == Array(repeating: .ok, count: 7))
        #expect(report.records.map(\.purpose) == [.ownership, .spf, .dkim, .dkim, .dmarc, .mx, .tracking])
        #expect(report.isOwned && report.isAuthenticated && !report.isUndecided && report.organisation == DomainZone.domain)
        #expect(report.records.first { $0.purpose == .spf }?.lookups == 1)
        // What is published is what is asked for.
        for record in report.records where record.purpose != .mx { #expect(record.found == [record.value ?? ""], "\(record)") }
    }

    @Test("each broken zone is reported with its own code", arguments: BrokenZone.all)
    func broken(_ broken: BrokenZone) async throws {
        let report = try await check(broken.zone, broken.subject)
        #expect(codes(report).contains(broken.code), "\(codes(report))")
        #expect(report.isAuthenticated == broken.isAuthenticated, "\(report.reasons)")
        if !report.isAuthenticated { #expect(!report.reasons.isEmpty) }
        if broken.code.isUndecided { #expect(report.isUndecided) }
        for finding in report.findings + report.records.flatMap(\.findings) { #expect(!finding.detail.isEmpty && !finding.remedy.isEmpty) }
    }

    @Test("every code that a zone can cause is caused by one")
    func complete() {
        let caused = Set(BrokenZone.all.map(\.code))
        // This one is about two companies.
        #expect(Set(DomainFinding.Code.allCases).subtracting(caused) == [.domainClaimedElsewhere])
        #expect(BrokenZone.all.count >= 30)
    }

    @Test("what is to be published heals what is broken", arguments: BrokenZone.all.filter { !$0.isAuthenticated && !$0.code.isUndecided })
    func healing(_ broken: BrokenZone) async throws {
        let unhealable: Set<DomainFinding.Code> = [
            .spfTooManyLookups, .spfCannotMerge, .spfTooManyVoidLookups, .spfIncludeBroken, .spfIncludeLoop, .spfTooManyServers, .dkimNoKey,
        ]
        guard !unhealable.contains(broken.code) else { return }
        var zone = broken.zone
        let report = try await check(zone, broken.subject)
        if zone.entries.isEmpty { zone.set("_spf.google.com", "TXT", ["v=spf1 ip4:192.0.2.0/24 ~all"]) }
        for record in report.records where record.isRequired { zone.set(record.name, record.type, [try #require(record.value)]) }
        let healed = try await check(zone, broken.subject)
        #expect(healed.isAuthenticated, "\(healed.reasons)")
    }

    @Test("two SPF records become one line, with the senders of both, the operator's own, and the mildest end")
    func merged() async throws {
        var zone = DomainZone()
        zone.set("crm.example", "TXT", ["v=spf1 ip4:198.51.100.0/24 -all"])
        zone.set("ours.example", "TXT", ["v=spf1 ip4:203.0.113.0/24 -all"])
        zone.spf("v=spf1 include:crm.example include:gone.example ip4:192.0.2.1 -all", "v=spf1 a:mail.acme.example ip4:192.0.2.1 ~all")
        let report = try await check(zone, include: "ours.example")
        let spf = try #require(report.records.first { $0.purpose == .spf })
        #expect(spf.state == .wrong && spf.findings.map(\.code) == [.spfMultipleRecords])
        #expect(spf.value == "v=spf1 include:crm.example ip4:192.0.2.1 a:mail.acme.example include:_spf.google.com include:ours.example ~all")
    }

    @Test("DKIM of the mail provider counts, found under its usual selectors or those that the owner names, also behind an alias")
    func providerKeys() async throws {
        var zone = DomainZone()
        for name in ["pm1", "pm2"] { zone.remove("\(name)._domainkey.acme.example") }
        var subject = DomainZone.subject
        #expect(try await !check(zone, subject).dkim)
        zone.set("google._domainkey.acme.example", "TXT", ["v=DKIM1; k=rsa; p=\(TestKeys.rsa2048)"])
        let usual = try await check(zone, subject)
        #expect(usual.isAuthenticated && usual.isOwned)
        // Our own key is then a recommendation.
        #expect(usual.records.filter { $0.purpose == .dkim }.map(\.state) == [.recommended, .recommended, .ok])
        zone.remove("google._domainkey.acme.example")
        zone.set("named._domainkey.acme.example", "CNAME", ["keys.provider.example"])
        zone.set("keys.provider.example", "TXT", ["v=DKIM1; p=\(TestKeys.rsa1536PKCS1)"])
        #expect(try await !check(zone, subject).dkim)
        subject.selectors = ["named"]
        #expect(try await check(zone, subject).isAuthenticated)
        // Only Ed25519 is not enough: many receivers cannot read it.
        zone.set("keys.provider.example", "TXT", ["v=DKIM1; k=ed25519; p=\(TestKeys.ed25519)"])
        #expect(try await !check(zone, subject).dkim)
    }

    @Test("our key in the zone proves the domain as well as the text does; a provider's proves nothing")
    func ownership() async throws {
        var zone = DomainZone()
        zone.remove("_penguinmails.acme.example")
        #expect(try await check(zone).isOwned)
        zone.dkim("v=DKIM1; p=\(TestKeys.otherRSA2048)")
        zone.remove("pm2._domainkey.acme.example")
        zone.set("google._domainkey.acme.example", "TXT", ["v=DKIM1; k=rsa; p=\(TestKeys.rsa2048)"])
        let report = try await check(zone)
        #expect(!report.isOwned && report.isAuthenticated)
    }

    @Test("a check ends in time, whatever is silent, and does not take silence for an answer")
    func patience() async throws {
        var zone = DomainZone()
        for name in zone.entries.keys { zone.fail(name, "silent") }
        let began = ContinuousClock.now
        let report = try await check(zone)
        #expect(report.isUndecided && !report.isAuthenticated && codes(report) == [.dnsTimeout])
        #expect(ContinuousClock.now - began < .seconds(40))
        #expect(report.records.filter { $0.isRequired }.allSatisfy { $0.state == .unknown })
    }

    @Test("a chain of includes without end is left after a while")
    func bounded() async throws {
        var zone = DomainZone()
        for number in 0..<60 {
            let next = (1...9).map { "include:e\(number * 9 + $0).example" }.joined(separator: " ")
            zone.set("e\(number).example", "TXT", ["v=spf1 \(next) ~all"])
        }
        zone.spf("v=spf1 include:_spf.google.com include:e0.example ~all")
        let spf = try #require(try await check(zone).records.first { $0.purpose == .spf })
        #expect(spf.findings.contains { $0.code == .spfTooManyLookups } && (11...60).contains(spf.lookups ?? 0))
    }
}
