import Contracts
import Foundation
import Postgres
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite("Blacklists")
struct BlacklistTests {
    private static let zen = BlacklistZone(kind: .ip, name: "zen.spamhaus.org")
    private static let dbl = BlacklistZone(kind: .domain, name: "dbl.spamhaus.org")
    private static let other = BlacklistZone(kind: .domain, name: "multi.example")

    @Test("zones are names apart by commas; what is no name is refused, and none is off")
    func parsing() {
        #expect(BlacklistZone.parse("", .ip) == [])
        #expect(BlacklistZone.parse(" ZEN.spamhaus.org., bl.example  zen.spamhaus.org", .ip)?.map(\.name) == ["zen.spamhaus.org", "bl.example"])
        for text in ["localhost", "a..b", "zen.spamhaus.org;x", "zen/spamhaus.org", String(repeating: "a.", count: 120) + "b"] {
            #expect(BlacklistZone.parse(text, .ip) == nil, "\(text)")
        }
    }

    @Test("questions are asked as RFC 5782 spells them")
    func questions() {
        #expect(Self.zen.question(about: "192.0.2.99") == "99.2.0.192.zen.spamhaus.org")
        #expect(Self.dbl.question(about: "Acme.Example") == "acme.example.dbl.spamhaus.org")
        for bad in ["192.0.2", "192.0.2.256", "::1", "a.b.c.d", ""] { #expect(Self.zen.question(about: bad) == nil) }
        for bad in ["", "nodots", "a b.example", String(repeating: "abcdefghi.", count: 24) + "example"] {
            #expect(Self.dbl.question(about: bad) == nil)
        }
        #expect(Self.zen.neverListed == "1.0.0.127.zen.spamhaus.org" && Self.dbl.neverListed == "invalid.dbl.spamhaus.org")
    }

    @Test("errors are not listings, whatever else the zone says")
    func verdicts() {
        #expect(Self.zen.verdict([]) == .clean)
        #expect(Self.zen.verdict(["127.0.0.2"]) == .listed(codes: ["127.0.0.2"], meaning: "SBL: a source of spam"))
        #expect(Self.dbl.verdict(["127.0.1.4"]) == .listed(codes: ["127.0.1.4"], meaning: "DBL: a domain of phishing"))
        #expect(Self.other.verdict(["127.0.0.8"]) == .listed(codes: ["127.0.0.8"], meaning: nil))
        let errors: [[String]?] = [
            nil, ["127.255.255.252"], ["127.255.255.254"], ["127.255.255.255"], ["127.255.255.250"], ["127.0.0.1"], ["127.0.0.2", "127.255.255.254"],
            ["203.0.113.7"], ["127.0.0.2", "203.0.113.7"],
        ]
        for answer in errors {
            guard case .unknown = Self.zen.verdict(answer) else {
                Issue.record("\(String(describing: answer)) is no listing")
                continue
            }
        }
        guard case .unknown = Self.dbl.verdict(["127.0.1.255"]) else {
            Issue.record("an answer about the question is no listing")
            return
        }
    }

    /// A resolver that answers as a table says, and counts what it was asked.
    private final class Names: Sendable {
        private let state: Mutex<(answers: [String: [String]?], asked: [String])>

        init(_ answers: [String: [String]?]) {
            state = Mutex((answers, []))
        }

        func set(_ name: String, _ answer: [String]?) { state.withLock { $0.answers[name] = .some(answer) } }

        func lookup(_ name: String) -> [String]? {
            state.withLock { state in
                state.asked.append(name)
                guard let answer = state.answers[name] else { return [] }
                return answer
            }
        }

        var asked: [String] { state.withLock { $0.asked } }
    }

    private func checks(
        _ fixture: DeliveryFixture, _ names: Names, zones: [BlacklistZone], hosts: Set<String> = [], resolvers: [String] = []
    ) -> BlacklistChecks {
        BlacklistChecks(
            database: fixture.database, configuration: .init(zones: zones, ownHosts: hosts, resolvers: resolvers), lookup: { names.lookup($0) },
            clock: fixture.house.clock.clock, logger: fixture.house.house.logger)
    }

    private func results(_ fixture: DeliveryFixture) async throws -> [BlacklistResult] {
        try await ReputationStore(database: fixture.house.house.api).blacklists(of: "sender.example", mailbox: nil, fixture.tenant)
    }

    @Test("without zones nobody is asked; providers' servers are never asked about, the operator's own are")
    func whatIsAsked() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.mailbox()
        let names = Names(["own.example": ["192.0.2.7"], "127.0.0.1": ["127.0.0.1"]])
        try await checks(fixture, names, zones: []).run()
        #expect(names.asked.isEmpty)
        try await checks(fixture, names, zones: [Self.zen]).run()
        #expect(names.asked == ["1.0.0.127.zen.spamhaus.org"])
        // The mailbox' server is the operator's.
        names.set("7.2.0.192.zen.spamhaus.org", ["127.0.0.10"])
        try await fixture.database.query("update mailboxes set smtp_host = 'OWN.example'")
        try await checks(fixture, names, zones: [Self.zen], hosts: ["own.example"]).run()
        let found = try await results(fixture)
        #expect(found.map(\.subject) == ["192.0.2.7"] && found.map(\.status) == ["listed"] && found[0].host == "own.example")
        #expect(found[0].meaning?.contains("PBL") == true)
    }

    @Test("a listing says since when, an error leaves the last verdict and says why, and the end of a listing ends it")
    func results() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.mailbox()
        let names = Names(["sender.example.dbl.spamhaus.org": ["127.0.1.2"]])
        let checks = checks(fixture, names, zones: [Self.dbl])
        try await checks.run()
        let listed = try #require(try await results(fixture).first)
        let since = fixture.house.clock.clock.now
        #expect(listed.status == "listed" && listed.codes == ["127.0.1.2"] && listed.listedSince == since && listed.checkedAt == since)
        #expect(try await fixture.send(.get, "/api/v1/domains/sender.example/reputation").body.contains(#""is_listed":true"#))
        fixture.house.clock.advance(by: .seconds(86_400))
        names.set("sender.example.dbl.spamhaus.org", ["127.255.255.254"])
        try await checks.run()
        let unsure = try #require(try await results(fixture).first)
        #expect(unsure.status == "listed" && unsure.listedSince == since && unsure.checkedAt == since && unsure.failedAt != nil)
        #expect(unsure.failure?.contains("public resolver") == true)
        names.set("sender.example.dbl.spamhaus.org", [])
        try await checks.run()
        let clean = try #require(try await results(fixture).first)
        #expect(clean.status == "clean" && clean.listedSince == nil && clean.failure == nil && clean.codes.isEmpty)
        // A zone that is not configured any more leaves nothing behind.
        try await self.checks(fixture, names, zones: [Self.other]).run()
        #expect(try await results(fixture).map(\.zone) == ["multi.example"])
    }

    @Test("a zone that lists what nobody lists, and Spamhaus through a public resolver, say nothing")
    func unusable() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.mailbox()
        let names = Names(["invalid.multi.example": ["127.0.0.2"], "sender.example.multi.example": ["127.0.0.2"]])
        try await checks(fixture, names, zones: [Self.other, Self.dbl], resolvers: ["10.0.0.53", "8.8.8.8"]).run()
        let found = try await results(fixture)
        #expect(found.count == 2 && found.allSatisfy { $0.status == "unknown" && $0.failure != nil && $0.checkedAt == nil })
        #expect(names.asked == ["invalid.multi.example"])
    }
}
