import DNS
import Foundation
import Mail
import TestSupport
import Testing

@testable import Delivery

@Suite("TLS policies of the recipients' domains")
struct DirectPolicyTests {
    private static func policy(_ mode: String, mx: String..., maxAge: Int = 86_400) -> String {
        (["version: STSv1", "mode: \(mode)"] + mx.map { "mx: \($0)" } + ["max_age: \(maxAge)"]).joined(separator: "\r\n") + "\r\n"
    }

    private static func zone(_ domain: String, _ servers: [String: String], id: String? = "1") -> DirectGround.Zone {
        var zone: DirectGround.Zone = [domain: ["MX": servers.keys.sorted().map { "10 \($0)" }]]
        for (name, address) in servers { zone[name] = ["A": [address]] }
        if let id { zone["_mta-sts.\(domain)"] = ["TXT": ["v=STSv1; id=\(id);"]] }
        return zone
    }

    private static let hosts: [String: TestExchanges.Host] = [
        "127.0.0.2": .init(["mx.reader.example"]), "127.0.0.3": .init(["mx.reader.example"], tls: false),
        "127.0.0.4": .init(["mx.other.example"]), "127.0.0.5": .init(["mx.reader.example"], authority: "other"),
    ]

    @Test(
        "enforce: only a server that the policy names, with a certificate for its name, gets the mail",
        arguments: [
            ("127.0.0.2", "mx.reader.example", "accepted 250", "sts  mx.reader.example  1"),
            ("127.0.0.3", "mx.reader.example", "deferred 451 4.7.5", "sts starttls-not-supported mx.reader.example  1"),
            ("127.0.0.4", "mx.reader.example", "deferred 451 4.7.5", "sts certificate-host-mismatch mx.reader.example  1"),
            ("127.0.0.5", "mx.reader.example", "deferred 451 4.7.5", "sts certificate-not-trusted mx.reader.example  1"),
            ("127.0.0.2", "*.elsewhere.example", "deferred 451 4.7.5", "sts validation-failure mx.reader.example mx-not-in-policy 1"),
        ])
    func enforce(address: String, pattern: String, result: String, counted: String) async throws {
        let ground = try await DirectGround.make(Self.hosts, policies: ["reader.example"])
        try ground.dns.publish(Self.zone("reader.example", ["mx.reader.example": address]))
        try ground.exchanges.publish(policies: ["reader.example": Self.policy("enforce", mx: pattern)])
        #expect(try await ground.send(to: "lead@reader.example").result.brief == result)
        #expect(try await ground.counted() == [counted])
        let mails = try ground.exchanges.mails()
        #expect(mails.allSatisfy { $0.tls == true } && mails.isEmpty == result.hasPrefix("deferred"))
    }

    @Test(
        "testing: everything is delivered, and what would have failed is counted",
        arguments: [
            ("127.0.0.3", "mx.reader.example", "sts starttls-not-supported mx.reader.example  1"),
            ("127.0.0.4", "mx.reader.example", "sts certificate-host-mismatch mx.reader.example  1"),
            ("127.0.0.2", "*.elsewhere.example", "sts validation-failure mx.reader.example mx-not-in-policy 1"),
        ])
    func testing(address: String, pattern: String, counted: String) async throws {
        let ground = try await DirectGround.make(Self.hosts, policies: ["reader.example"])
        try ground.dns.publish(Self.zone("reader.example", ["mx.reader.example": address]))
        try ground.exchanges.publish(policies: ["reader.example": Self.policy("testing", mx: pattern)])
        #expect(try await ground.send(to: "lead@reader.example").result.brief == "accepted 250")
        #expect(try await ground.counted() == [counted])
    }

    @Test("a policy is kept until its end, whatever fails; another identifier brings another policy; a new one that fails changes nothing")
    func cache() async throws {
        let ground = try await DirectGround.make(Self.hosts, policies: ["reader.example"])
        let plain = ["mx.reader.example": "127.0.0.3"]
        try ground.dns.publish(Self.zone("reader.example", plain))
        try ground.exchanges.publish(policies: ["reader.example": Self.policy("enforce", mx: "mx.reader.example", maxAge: 100_000)])
        func result() async throws -> String { try await ground.send(to: "lead@reader.example").result.brief }
        #expect(try await result() == "deferred 451 4.7.5")
        // DNS says nothing of a policy any more, and the file is gone.
        try ground.dns.publish(Self.zone("reader.example", plain, id: nil))
        try ground.exchanges.publish(policies: [:])
        ground.advance()
        #expect(try await result() == "deferred 451 4.7.5")
        // Another one is announced, and cannot be had.
        try ground.dns.publish(Self.zone("reader.example", plain, id: "2"))
        ground.advance()
        #expect(try await result() == "deferred 451 4.7.5")
        #expect(try await ground.counted().contains { $0.hasPrefix("sts sts-policy-fetch-error  ") })
        // It can be had; the old one would hold still.
        try ground.exchanges.publish(policies: ["reader.example": Self.policy("testing", mx: "mx.reader.example", maxAge: 5_000)])
        ground.advance(.seconds(310))
        #expect(try await result() == "accepted 250")
        // The same identifier: nobody looks at the file again before a day.
        try ground.exchanges.publish(policies: ["reader.example": Self.policy("enforce", mx: "mx.reader.example")])
        ground.advance()
        #expect(try await result() == "accepted 250")
        // Come to its end with the file out of reach: as though there were none.
        try ground.exchanges.publish(policies: [:])
        ground.advance()
        #expect(try await result() == "accepted 250")
        let store = MTASTSStore(database: ground.house.house.worker)
        #expect(try await store.find("reader.example")?.policy(at: ground.house.clock.clock.now) == nil)
    }

    private func signed(_ ground: DirectGround, _ address: String, tlsa: String, isAuthentic: Bool = true) -> DirectGround.Zone {
        var zone = Self.zone("reader.example", ["mx.reader.example": address], id: nil)
        zone["reader.example"]?.isAuthentic = true
        zone["mx.reader.example"]?.isAuthentic = true
        zone["_\(ground.exchanges.port)._tcp.mx.reader.example"] = .init(["TLSA": [tlsa]], isAuthentic: isAuthentic)
        return zone
    }

    @Test("DANE: the key or the authority that the zone names, and no other; what nobody signed proves nothing")
    func dane() async throws {
        let ground = try await DirectGround.make(Self.hosts)
        let wrong = String(repeating: "00", count: 32)
        func result(_ address: String, _ tlsa: String, isAuthentic: Bool = true) async throws -> String {
            try ground.dns.publish(signed(ground, address, tlsa: tlsa, isAuthentic: isAuthentic))
            ground.advance()
            return try await ground.send(to: "lead@reader.example").result.brief
        }
        let keys = ground.exchanges.keys
        // Its own key: whoever issued the certificate, and to whatever name.
        #expect(try await result("127.0.0.5", "3 1 1 \(try #require(keys["127.0.0.5"]))") == "accepted 250")
        #expect(try await result("127.0.0.2", "3 1 1 \(wrong)") == "deferred 451 4.7.5")
        // An authority: the name has to be right, too.
        #expect(try await result("127.0.0.2", "2 1 1 \(ground.exchanges.authorityKey)") == "accepted 250")
        #expect(try await result("127.0.0.4", "2 1 1 \(ground.exchanges.authorityKey)") == "deferred 451 4.7.5")
        #expect(try await result("127.0.0.5", "2 1 1 \(ground.exchanges.authorityKey)") == "deferred 451 4.7.5")
        // Records of which none can be used: encrypted, whoever it is.
        #expect(try await result("127.0.0.5", "1 1 1 \(wrong)") == "accepted 250")
        #expect(try await result("127.0.0.3", "1 1 1 \(wrong)") == "deferred 451 4.7.5")
        #expect(try await result("127.0.0.3", "3 1 1 \(wrong)", isAuthentic: false) == "accepted 250")
        let counted = try await ground.counted()
        for line in [
            "tlsa validation-failure mx.reader.example  2", "tlsa certificate-host-mismatch mx.reader.example  1",
            "tlsa starttls-not-supported mx.reader.example  1", "tlsa  mx.reader.example  3",
            "no-policy-found starttls-not-supported mx.reader.example  1",
        ] { #expect(counted.contains(line), "\(line) in \(counted)") }
    }

    @Test("DANE decides where both are published; no answer about TLSA from a signed zone holds mail back; an untrusted resolver proves nothing")
    func precedence() async throws {
        let ground = try await DirectGround.make(Self.hosts, policies: ["reader.example"])
        try ground.exchanges.publish(policies: ["reader.example": Self.policy("enforce", mx: "mx.reader.example")])
        let name = "_\(ground.exchanges.port)._tcp.mx.reader.example"
        // A certificate that the policy would not accept, and the zone does.
        var zone = signed(ground, "127.0.0.5", tlsa: "3 1 1 \(try #require(ground.exchanges.keys["127.0.0.5"]))")
        zone["_mta-sts.reader.example"] = ["TXT": ["v=STSv1; id=1;"]]
        try ground.dns.publish(zone)
        #expect(try await ground.send(to: "lead@reader.example").result.brief == "accepted 250")
        // One that the policy would accept, and the zone does not.
        zone["mx.reader.example"] = .init(["A": ["127.0.0.2"]], isAuthentic: true)
        try ground.dns.publish(zone)
        ground.advance()
        #expect(try await ground.send(to: "lead@reader.example").result.brief == "deferred 451 4.7.5")
        zone[name] = .init(fault: "servfail")
        try ground.dns.publish(zone)
        ground.advance()
        #expect(try await ground.send(to: "lead@reader.example").result.brief == "deferred 451 4.7.5")
        #expect(try await ground.counted().contains("tlsa dnssec-invalid mx.reader.example  1"))

        let trusting = try await DirectGround.make(Self.hosts, more: ["delivery.direct.dnssec": "false"])
        try trusting.dns.publish(signed(trusting, "127.0.0.2", tlsa: "3 1 1 \(String(repeating: "00", count: 32))"))
        #expect(try await trusting.send(to: "lead@reader.example").result.brief == "accepted 250")
    }
}
