import Contracts
import Crypto
import Foundation
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import Delivery

/// From the record in DNS to the handshake, with Pebble as the authority, lego as the client and nginx as the gateway.
@Suite("Certificates from a real authority", .serialized)
struct CertificateAuthorityTests {
    private struct Ground: Sendable {
        let fixture: CertificateFixture
        let authority: TestCertificateAuthority
        let dns: TestDNSServer

        static func make() async throws -> Ground {
            let dns = try await TestDNSServer.start()
            let authority = try await TestCertificateAuthority.start(dns: dns.address)
            let fixture = try await CertificateFixture.make(directory: authority.directory, trust: authority.authorityFile, dns: dns)
            return Ground(fixture: fixture, authority: authority, dns: dns)
        }

        /// What the domain's owner publishes: the proof that it is theirs, and the name for links.
        func publish(ownership: (name: String, value: String), cname: Bool = true) throws {
            var zone: [String: TestDNSServer.Entry] = [
                ownership.name: ["TXT": [ownership.value]], CertificateFixture.cnameTarget: ["A": ["127.0.0.1"]], "acme.example": ["TXT": ["x"]],
            ]
            if cname { zone["track.acme.example"] = ["CNAME": [CertificateFixture.cnameTarget]] }
            try dns.publish(zone)
        }

        /// A domain that was added, with what its owner has to publish.
        func add() async throws -> (id: DomainID, ownership: (name: String, value: String)) {
            let added = try await fixture.ask(.post, "/api/v1/domains", #"{"workspace":"\#(fixture.workspace)","domain":"acme.example"}"#)
            let json = try #require(try JSONSerialization.jsonObject(with: Data(added.body.utf8)) as? [String: Any], "\(added.body)")
            let records = try #require(json["records"] as? [[String: Any]])
            let proof = try #require(records.first { $0["purpose"] as? String == "ownership" })
            let id = try #require(DomainID(json["id"] as? String ?? ""))
            return (id, (proof["name"] as? String ?? "", proof["value"] as? String ?? ""))
        }

        func check(_ domain: DomainID) async throws {
            fixture.house.clock.advance(by: .seconds(11))
            #expect(try await fixture.ask(.post, "/api/v1/domains/\(domain)/check").status == 200)
        }
    }

    @Test("published, proven, ordered, written, shown: links open under the company's own host, and still do after the renewal")
    func wholeWay() async throws {
        let ground = try await Ground.make()
        let (fixture, authority) = (ground.fixture, ground.authority)
        defer { fixture.remove() }
        let watch = try #require(fixture.service.certificates.watch)
        let folder = try #require(fixture.service.certificates.folder)
        let host = "track.acme.example"
        try await fixture.house.serving(fixture.service) { port in
            let gateway = try await TestGateway.start(upstream: port, plainPort: authority.hostPort, trackingCertificates: fixture.folder.path())
            let (domain, ownership) = try await ground.add()
            #expect(try await fixture.state(domain) == "waiting")
            #expect(try await !watch.orderDue())
            try ground.publish(ownership: ownership)
            try await ground.check(domain)
            #expect(try await fixture.state(domain) == "ordered")
            await #expect(throws: (any Error).self) { try await gateway.get("/t/o/none", host: host, trusting: authority.rootFile) }
            #expect(try await watch.orderDue())
            let issued = try await fixture.view(domain)
            #expect(issued["state"] as? String == "issued", "\(issued)")
            try await folder.keep()
            let shown = try await gateway.get("/t/o/none", host: host, trusting: authority.rootFile)
            #expect(shown.status == 200)
            // Neither console nor API are there.
            for path in ["/", "/api/v1/domains", "/login"] {
                #expect(try await gateway.get(path, host: host, trusting: authority.rootFile).status == 404)
            }
            fixture.house.clock.advance(by: .seconds(61))
            #expect(await fixture.base() == "https://track.acme.example")
            // Pebble's last for five years.
            fixture.house.clock.advance(by: .seconds(4 * 365 * 86_400))
            #expect(try await watch.orderDue())
            #expect(try await fixture.view(domain)["is_used"] as? Bool == true)
            try await folder.keep()
            let renewed = try await gateway.get("/t/o/none", host: host, trusting: authority.rootFile)
            #expect(renewed.status == 200 && renewed.serial != shown.serial)
            // Nothing is left of the orders on disk but the gateway's file.
            #expect(try fixture.files().keys.sorted() == ["track.acme.example.pem"])
            #expect(try await fixture.events() == ["issued", "issued"])
            let accounts = try await fixture.database.query("select key_sealed from certificate_accounts")
            #expect(try accounts.map { try $0.decode("key_sealed", as: String.self).hasPrefix("v1.") } == [true])
        }
    }

    @Test("a host that the authority cannot reach fails with its words; without the CNAME the authority is not even asked")
    func refusal() async throws {
        let ground = try await Ground.make()
        let fixture = ground.fixture
        defer { fixture.remove() }
        let watch = try #require(fixture.service.certificates.watch)
        let (domain, ownership) = try await ground.add()
        try ground.publish(ownership: ownership)
        try await ground.check(domain)
        // Nobody listens where the authority asks.
        #expect(try await watch.orderDue())
        let view = try await fixture.view(domain)
        #expect(view["state"] as? String == "failing" && (view["detail"] as? String)?.contains("connection") == true, "\(view)")
        #expect(try await !watch.orderDue())
        try ground.publish(ownership: ownership, cname: false)
        fixture.house.clock.advance(by: .seconds(1_200))
        #expect(try await watch.orderDue())
        #expect(try await fixture.state(domain) == "waiting")
        let orders = try await fixture.database.query("select outcome from certificate_orders")
        #expect(try orders.map { try $0.decodeOptional("outcome", as: String.self) } == ["failed"])
    }

    @Test("an authority that is away is tried again, and its host's owner is not told of our own paths")
    func away() async throws {
        let dns = try await TestDNSServer.start()
        let fixture = try await CertificateFixture.make(directory: "https://127.0.0.1:\(try freePort())/dir", dns: dns)
        defer { fixture.remove() }
        let watch = try #require(fixture.service.certificates.watch)
        let domain = try await fixture.proven()
        let before = try Self.orderFolders()
        try dns.publish(["track.acme.example": ["CNAME": [CertificateFixture.cnameTarget]]])
        #expect(try await watch.orderDue())
        let view = try await fixture.view(domain)
        #expect(view["state"] as? String == "failing" && (view["detail"] as? String)?.contains("127.0.0.1") == false, "\(view)")
        #expect(try Self.orderFolders().subtracting(before) == [])
    }

    /// In which lego ran, or runs.
    private static func orderFolders() throws -> Set<String> {
        let names = try FileManager.default.contentsOfDirectory(atPath: FileManager.default.temporaryDirectory.path())
        return Set(names.filter { $0.hasPrefix("penguin-acme-") })
    }

    @Test("the account's key is in the form that others read, and its thumbprint the one of RFC 7638")
    func account() throws {
        let key = P256.Signing.PrivateKey()
        let account = CertificateAccount(key)
        #expect(try P256.Signing.PrivateKey(pemRepresentation: account.key).rawRepresentation == key.rawRepresentation)
        #expect(account.thumbprint.utf8.count == 43)
    }

    @Test("a child that takes too long is ended, one that ends says how, and none sees our environment")
    func child() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "penguin-child-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func run(_ script: String, limit: Duration = .seconds(60)) async throws -> Int32? {
            try await ChildProcess.run(
                "/bin/sh", ["-c", script], environment: ["ONLY": "this"], in: folder, output: folder.appending(path: "output"), limit: limit)
        }
        #expect(try await run("echo $ONLY${HOME}; exit 3") == 3)
        #expect(try String(contentsOf: folder.appending(path: "output"), encoding: .utf8) == "this\n")
        #expect(try await run("exec sleep 600", limit: .seconds(1)) == nil)
        let cancelled = Task { try await run("exec sleep 600") }
        cancelled.cancel()
        #expect(try await cancelled.value == nil)
        await #expect(throws: (any Error).self) {
            _ = try await ChildProcess.run(
                "/nowhere/lego", [], environment: [:], in: folder, output: folder.appending(path: "output"), limit: .seconds(1))
        }
    }
}
