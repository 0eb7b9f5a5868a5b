import DNS
import Foundation
import Mail
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Decisions about other servers")
struct DirectDecisionTests {
    private static let file = "version: STSv1\r\nmode: enforce\r\nmx: MX1.reader.example\r\nmx: *.reader.example\r\nmax_age: 604800\r\n"

    @Test("a policy is read, with either kind of line end, and names servers by name or one label below one")
    func policy() throws {
        for text in [Self.file, Self.file.replacingOccurrences(of: "\r\n", with: "\n")] {
            let policy = try MTASTSPolicy(file: text)
            #expect(policy.mode == .enforce && policy.mx == ["mx1.reader.example", "*.reader.example"] && policy.maxAge == 604_800)
            #expect(policy.lines.count == 5)
            #expect(policy.names("mx1.reader.example") && policy.names("MX2.Reader.example"))
            #expect(!policy.names("a.mx2.reader.example") && !policy.names("reader.example") && !policy.names("mx1.reader.example.org"))
        }
        #expect(
            try MTASTSPolicy(file: "version: STSv1\nmode: none\nmax_age: 9999999999").maxAge
                == MTASTSPolicy.longestAge)
    }

    @Test(
        "what is no policy is refused",
        arguments: [
            "", "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1", "version: STSv1\nmode: strict\nmx: a.example\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmax_age: 1", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1",
            "version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1", "version: STSv1\nmode: enforce\nmx: a.example", "<html>not found</html>",
            "version: STSv1\nmode: enforce\nmax_age: 1\n" + String(repeating: "mx: a.example\n", count: 65),
        ])
    func malformed(text: String) {
        #expect(throws: MTASTSPolicy.Malformed.self) { try MTASTSPolicy(file: text) }
    }

    @Test("one well-formed record announces a policy; two, or another kind, none")
    func identifier() {
        #expect(MTASTSPolicy.identifier(in: ["v=spf1 -all", "v=STSv1; id=20260101T000000;"]) == "20260101T000000")
        #expect(MTASTSPolicy.identifier(in: ["v=STSv1;id=1"]) == "1")
        for texts in [[], ["v=STSv1"], ["v=STSv1; id=a b"], ["v=STSv1; id="], ["v=STSv1; id=1", "v=STSv1; id=2"], ["v=STSv10; id=1"]] {
            #expect(MTASTSPolicy.identifier(in: texts) == nil, "\(texts)")
        }
    }

    @Test("servers are grouped by preference, each once; only a null MX leaves none")
    func groups() {
        let records: [DNSRecord] = [
            .mailServer(preference: 20, host: "c"), .mailServer(preference: 10, host: "b"), .mailServer(preference: 10, host: "a"),
            .mailServer(preference: 30, host: "a"),
        ]
        #expect(MailRoutes.groups(records) == [["a", "b"], ["c"]])
        #expect(MailRoutes.groups([.mailServer(preference: 0, host: "")]).isEmpty)
        #expect(MailRoutes.groups((0..<50).map { .mailServer(preference: $0, host: "h\($0)") }).count == 10)
    }

    @Test("a server is held to DANE where its zone has records, else to the domain's policy, else to nothing")
    func security() {
        let record = TLSARecord(usage: 3, selector: 1, matching: 1, data: [UInt8](repeating: 1, count: 32))
        let short = TLSARecord(usage: 3, selector: 1, matching: 1, data: [1])
        let policy = MTASTSPolicy(mode: .enforce, mx: ["mx.example"], maxAge: 1, lines: [])
        func of(_ tlsa: [TLSARecord]?, _ policy: MTASTSPolicy?, isUnknown: Bool = false) -> HostSecurity {
            .of("mx.example", domain: "reader.example", tlsa: tlsa, isTLSAUnknown: isUnknown, policy: policy)
        }
        #expect(of([record], policy).check == .dane([record], names: ["mx.example", "reader.example"]))
        #expect(of([record, short], nil).check == .dane([record], names: ["mx.example", "reader.example"]))
        #expect(of([short], policy).encryption == .required && of([short], policy).check == nil && of([short], policy).type == .dane)
        #expect(of([], policy).check == .authorities(names: ["mx.example"]) && of([], policy).isBinding)
        #expect(of(nil, MTASTSPolicy(mode: .enforce, mx: ["other.example"], maxAge: 1, lines: [])).exclusion == .notInPolicy)
        let tested = of(nil, MTASTSPolicy(mode: .testing, mx: ["other.example"], maxAge: 1, lines: []))
        #expect(!tested.isBinding && tested.encryption == .offered && tested.isOutsideTestedPolicy)
        #expect(of(nil, MTASTSPolicy(mode: .none, mx: [], maxAge: 1, lines: [])) == HostSecurity() && of(nil, nil) == HostSecurity())
        #expect(of(nil, nil, isUnknown: true).exclusion == .tlsaUnknown)
        for usage in 0...1 { #expect(!TLSARecord(usage: usage, selector: 1, matching: 1, data: record.data).isUsable) }
        #expect(!TLSARecord(usage: 3, selector: 2, matching: 1, data: record.data).isUsable && !short.isUsable)
    }

    @Test("a server that fails rests, longer each time, and is well again with its first answer")
    func health() {
        let clock = TestClock()
        let health = HostHealth(clock: clock.clock)
        var waits: [Int] = []
        for _ in 0..<7 {
            health.failed("mx")
            // Others that were under way with it are the same failure.
            health.failed("mx")
            var seconds = 0
            while !health.isFit("mx") {
                clock.advance(by: .seconds(10))
                seconds += 10
            }
            waits.append(seconds)
        }
        #expect(waits == [30, 60, 120, 240, 480, 900, 900])
        health.answered("mx")
        health.failed("mx")
        clock.advance(by: .seconds(30))
        #expect(health.isFit("mx") && health.isFit("other"))
    }

    @Test("a domain counts as the provider whose servers take its mail")
    func providers() {
        #expect(DestinationProvider.of(servers: ["ASPMX.L.google.com", "alt1.aspmx.l.google.com"]) == "google")
        #expect(DestinationProvider.of(servers: ["x-example.mail.protection.outlook.com"]) == "microsoft")
        #expect(DestinationProvider.of(servers: ["mx.x.example", "aspmx.l.google.com"]) == nil)
        #expect(DestinationProvider.of(servers: ["notgoogle.com"]) == nil && DestinationProvider.of(servers: []) == nil)
        #expect(DestinationProvider.mayBeHosted("x.example") && !DestinationProvider.mayBeHosted("google"))
    }

    @Test("a report has the members that RFC 8460 names")
    func report() throws {
        func line(_ type: TLSPolicyType, _ result: TLSReportResult, _ sessions: Int64) -> TLSReportStore.Line {
            .init(
                day: "2026-11-28", policyDomain: "reader.example", policyType: type, resultType: result, mxHost: "mx.reader.example",
                receivingIp: "192.0.2.1", sendingIp: "", reason: "", sessions: sessions)
        }
        let report = TLSReport(
            about: "reader.example", on: "2026-11-28", from: "mta.operator.example",
            lines: [line(.mtaSTS, .success, 40), line(.mtaSTS, .certificateExpired, 2), line(.none, .success, 3)],
            policies: [.mtaSTS: .init(lines: ["version: STSv1"], hosts: ["*.reader.example"])])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(report), as: UTF8.self)
        for part in [
            #""organization-name":"mta.operator.example""#, #""start-datetime":"2026-11-28T00:00:00Z""#,
            #""contact-info":"postmaster@mta.operator.example""#, #""report-id":"2026-11-28_reader.example@mta.operator.example""#,
            #""total-failure-session-count":2,"total-successful-session-count":40"#, #""policy-string":["version: STSv1"]"#,
            #""failed-session-count":2,"receiving-ip":"192.0.2.1","receiving-mx-hostname":"mx.reader.example","result-type":"certificate-expired""#,
            #""mx-host":["*.reader.example"],"policy-domain":"reader.example""#, #""policy-type":"no-policy-found""#,
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        #expect(!text.contains("sending-mta-ip") && !text.contains("failure-reason-code"))
        #expect(TLSReportCounts.day(of: Date(timeIntervalSince1970: 0)) == "1970-01-01")
    }
}
