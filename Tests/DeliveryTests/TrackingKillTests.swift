import AsyncHTTPClient
import Foundation
import NIOHTTP1
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Delivery is killed while people open and click", .timeLimit(.minutes(3)))
struct TrackingKillTests {
    @Test("of what was answered, no more than the last second is lost")
    func killed() async throws {
        let fixture = try await DeliveryFixture.make()
        let send = try await fixture.plan(one: "ada@lead.example", try await fixture.mailbox())
        let delivery = try ServiceProcess(.delivery, on: fixture.house.database)
        let tokens = TrackingTokens(keyring: try Keyring(contentsOf: delivery.folder.appending(path: "encryption.json")))
        try delivery.start()
        try await eventually("Delivery answers", within: .seconds(60)) { await Self.get(delivery.health) == 200 }

        // One click after the other, each of a link of its own, so that none is merged with another.
        var answered: [(link: Int, at: ContinuousClock.Instant)] = []
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .seconds(3), answered.count < 60_000 {
            let link = answered.count
            let token = TrackingToken(
                kind: .click, tenant: fixture.tenant, send: send, link: UInt16(link), links: .max, destination: "https://a.example/\(link)")
            #expect(await Self.get("\(delivery.address)/t/c/\(try tokens.text(of: token))") == 302)
            answered.append((link, .now))
        }
        let end = ContinuousClock.now
        #expect(delivery.kill())

        let stored = Set(try await fixture.database.query("select link from tracking_hits").map { try $0.decode("link", as: Int.self) })
        let owed = answered.filter { end - $0.at >= .seconds(1) }
        #expect(owed.count > 20)
        let lost = owed.filter { !stored.contains($0.link) }
        #expect(lost.isEmpty, "\(lost.count) of \(owed.count), the last \(lost.last.map { end - $0.at } ?? .zero) before the end")
    }

    private static func get(_ address: String) async -> UInt? {
        var request = HTTPClientRequest(url: address)
        request.headers.add(name: "User-Agent", value: "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0")
        return try? await client.execute(request, timeout: .seconds(5)).status.code
    }

    /// Looks at the answer itself, not at where it leads; lives as long as the process, as a test's other clients do.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}
