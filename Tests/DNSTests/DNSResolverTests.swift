import Foundation
import TestSupport
import Testing

@testable import DNS

@Suite("Questions to a real DNS server")
struct DNSResolverTests {
    /// The server lives as long as the resolver.
    private func resolver(_ zone: [String: TestDNSServer.Entry], threads: Int = 2) async throws -> DNSResolver {
        let server = try await TestDNSServer.start(zone)
        let live = DNSResolver.live(server: DNSServerAddress(server.address), threads: threads, seconds: 1, attempts: 2)
        return DNSResolver { name, type in
            defer { withExtendedLifetime(server) {} }
            return await live.query(name, type)
        }
    }

    @Test("every kind of record is read")
    func kinds() async throws {
        let resolver = try await resolver([
            "a.example": [
                "A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"], "MX": ["10 Mail.A.example", "20 other.example"],
                "TXT": ["v=spf1 -all", String(repeating: "long", count: 200)], "NS": ["ns.a.example"],
            ],
            "1.2.0.192.in-addr.arpa": ["PTR": ["a.example"]],
            "_25._tcp.mail.a.example": ["TLSA": ["3 1 1 00ff10"]],
        ])
        #expect(Set(try await resolver.query("a.example", .a).records().addresses) == ["192.0.2.1", "192.0.2.2"])
        #expect(try await resolver.query("a.example", .aaaa).records() == [.address("2001:db8::1")])
        let servers = Set(try await resolver.query("A.Example.", .mx).records())
        #expect(servers == [.mailServer(preference: 10, host: "mail.a.example"), .mailServer(preference: 20, host: "other.example")])
        let texts = Set(try await resolver.query("a.example", .txt).records().texts)
        #expect(texts == ["v=spf1 -all", String(repeating: "long", count: 200)])
        #expect(try await resolver.query("a.example", .ns).records().names == ["ns.a.example"])
        let reverse = try #require(DNSName.reverse(of: "192.0.2.1"))
        #expect(try await resolver.query(reverse, .ptr).records().names == ["a.example"])
        let answer = await resolver.query("_25._tcp.mail.a.example", .tlsa)
        #expect(answer.outcome == .records([.certificate(usage: 3, selector: 1, matching: 1, data: [0x00, 0xFF, 0x10])]))
        #expect(answer.ttl == 60 && !answer.isAuthentic)
    }

    @Test("nothing there, no such name, and what a resolver vouches for are told apart")
    func outcomes() async throws {
        let resolver = try await resolver([
            "a.example": ["A": ["192.0.2.1"]], "sure.example": .init(["A": ["192.0.2.3"]], isAuthentic: true),
            "deep.below.example": ["A": ["192.0.2.4"]],
        ])
        #expect(await resolver.query("a.example", .txt).outcome == .noSuchRecord)
        #expect(await resolver.query("nobody.example", .txt).outcome == .noSuchDomain)
        #expect(await resolver.query("below.example", .txt).outcome == .noSuchRecord)
        #expect(await resolver.query("sure.example", .a).isAuthentic)
        #expect(await !resolver.query("a.example", .a).isAuthentic)
    }

    @Test("aliases are followed and named; asked for themselves they are records")
    func aliases() async throws {
        let resolver = try await resolver([
            "one.example": ["CNAME": ["two.example"]], "two.example": ["CNAME": ["three.example"]], "three.example": ["TXT": ["found"]],
            "loop.example": ["CNAME": ["loop.example"]],
        ])
        let answer = await resolver.query("one.example", .txt)
        #expect(answer.outcome == .records([.text("found")]) && answer.aliases == ["two.example", "three.example"])
        #expect(try await resolver.query("one.example", .cname).records().names == ["two.example"])
        #expect(await resolver.query("loop.example", .txt).outcome == .noSuchRecord)
    }

    @Test("what fails says how, in bounded time", arguments: ["servfail", "refused", "silent", "garbage", "stuck"])
    func faults(fault: String) async throws {
        let resolver = try await resolver(["x.example": .init(fault: fault)])
        let began = ContinuousClock.now
        let outcome = await resolver.query("x.example", .txt).outcome
        let expected: DNSAnswer.Outcome =
            switch fault {
            case "servfail": .failed(.server(code: 2))
            case "refused": .failed(.server(code: 5))
            case "garbage": .failed(.malformed)
            default: .failed(.timeout)
            }
        #expect(outcome == expected)
        // Two tries of a second, with room for a busy machine.
        #expect(ContinuousClock.now - began < .seconds(15))
    }

    @Test("what does not fit into a datagram comes over TCP")
    func truncated() async throws {
        let many = (0..<40).map { "text number \($0) " + String(repeating: "x", count: 100) }
        let resolver = try await resolver(["t.example": .init(["TXT": ["whole"]], fault: "truncated"), "big.example": ["TXT": many]])
        #expect(try await resolver.query("t.example", .txt).records().texts == ["whole"])
        #expect(Set(try await resolver.query("big.example", .txt).records().texts) == Set(many))
    }

    @Test("a silent name holds up no other")
    func apart() async throws {
        let resolver = try await resolver(["q.example": .init(fault: "silent"), "a.example": ["TXT": ["here"]]], threads: 2)
        async let silent = resolver.query("q.example", .txt)
        for _ in 0..<20 { #expect(try await resolver.query("a.example", .txt).records().texts == ["here"]) }
        #expect(await silent.outcome == .failed(.timeout))
    }

    @Test("a server that is not there is a failure, and so are more questions than anybody can have in hand")
    func absent() async throws {
        let nobody = DNSResolver.live(server: DNSServerAddress("127.0.0.1:\(try freePort())"), threads: 1, seconds: 1, attempts: 1)
        #expect(await nobody.query("a.example", .a).outcome == .failed(.timeout))
        let slow = try await resolver(["q.example": .init(fault: "silent")], threads: 1)
        let outcomes = await withTaskGroup(of: DNSAnswer.Outcome.self) { group in
            for _ in 0..<300 { group.addTask { await slow.query("q.example", .txt).outcome } }
            defer { group.cancelAll() }
            var outcomes: [DNSAnswer.Outcome] = []
            for _ in 0..<44 { if let outcome = await group.next() { outcomes.append(outcome) } }
            return outcomes
        }
        #expect(outcomes.count { $0 == .failed(.overloaded) } >= 40)
    }

    @Test(
        "names that are none are not asked for",
        arguments: ["", ".", "a..b", "a b.example", "ä.example", "a\\.example", String(repeating: "a", count: 64) + ".example"])
    func names(name: String) async {
        let resolver = DNSResolver { _, _ in DNSAnswer(.records([.text("asked")])) }
        #expect(await resolver.query(name, .txt).outcome == .noSuchDomain)
        #expect(await resolver.query(Array(repeating: "abc", count: 64).joined(separator: "."), .txt).outcome == .noSuchDomain)
        #expect(await resolver.query("_DMARC.A.example.", .txt).outcome == .records([.text("asked")]))
    }

    @Test(
        "servers are written as people write them",
        arguments: [
            ("127.0.0.1:5353", "127.0.0.1", 5_353), ("dns", "dns", 53), ("[::1]:54", "::1", 54), ("[::1]", "::1", 53), ("a:", "a", 53), ("", "", 0),
            ("a:0", "", 0), ("a:70000", "", 0), ("::1", "", 0), ("a b:53", "", 0), ("[::1", "", 0), ("[::1]x", "", 0),
        ])
    func servers(text: String, host: String, port: Int) {
        let server = DNSServerAddress(text)
        if port == 0 { #expect(server == nil) } else { #expect(server?.host == host && server?.port == port) }
    }

    @Test("addresses backwards")
    func reverse() {
        #expect(DNSName.reverse(of: "192.0.2.17") == "17.2.0.192.in-addr.arpa")
        #expect(DNSName.reverse(of: "2001:db8::1") == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")
        #expect(DNSName.reverse(of: "mail.example") == nil)
    }

    @Test("bytes from anywhere do no harm")
    func fuzz() {
        var random = SeededRandom(seed: 8)
        let head: [UInt8] = [0, 1, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0, 1, 97, 7, 101, 120, 97, 109, 112, 108, 101, 0, 0, 16, 0, 1]
        for _ in 0..<20_000 {
            var bytes = head + (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            let type = DNSRecordType.allCases.randomElement(using: &random)!
            let answer = bytes.withUnsafeBufferPointer { DNSMessage.read($0, name: "a.example", type: type)?.answer }
            if case .records(let records)? = answer?.outcome { #expect(records.count <= 256) }
        }
    }
}
