import Contracts
import Foundation
import Mail
import Postgres
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import Delivery

/// DNS as a test wants it.
final class SigningZone: Sendable {
    struct Down: Error {}

    private struct State {
        var records: [String: String] = [:]
        var isDown = false
        var questions = 0
    }

    private let state = Mutex(State())

    /// TXT records by their names.
    var records: [String: String] { state.withLock(\.records) }
    var questions: Int { state.withLock(\.questions) }

    var lookup: DKIMLookup {
        { publication, domain in
            try self.state.withLock { state in
                state.questions += 1
                if state.isDown { throw Down() }
                return state.records["\(publication.selector)._domainkey.\(domain)"] == publication.value
            }
        }
    }

    func publish(_ keys: [SigningKey]) {
        state.withLock { state in
            for key in keys { state.records[key.name] = key.publication.value }
        }
    }

    func remove(_ keys: [SigningKey]) {
        state.withLock { state in
            for key in keys { state.records[key.name] = nil }
        }
    }

    func set(isDown: Bool) {
        state.withLock { $0.isDown = isDown }
    }
}

/// A company with a domain whose records a test writes.
struct SigningGround: Sendable {
    static let domain = "sender.example"

    let fixture: DeliveryFixture
    let zone = SigningZone()
    let feature: SigningFeature

    static func make() async throws -> SigningGround {
        let fixture = try await DeliveryFixture.make()
        return try SigningGround(fixture)
    }

    init(_ fixture: DeliveryFixture) throws {
        self.fixture = fixture
        feature = try SigningFeature(fixture.house.house, isPublished: zone.lookup)
    }

    var keys: DKIMKeys { feature.keys }
    var tenant: TenantID { fixture.tenant }
    var now: Date { fixture.house.clock.clock.now }

    func advance(days: Double = 0, seconds: Double = 0) {
        fixture.house.clock.advance(by: .seconds(days * 86_400 + seconds))
    }

    /// Made, published and in use.
    @discardableResult
    func activated() async throws -> [SigningKey] {
        zone.publish(try await keys.make(for: Self.domain, of: tenant, by: .system))
        let active = try await keys.tend(Self.domain, of: tenant)
        #expect(active.map(\.state) == [.active, .active])
        return active
    }

    /// The selectors that a replica that knows nothing yet signs with; nil: it does not sign.
    func selectors(of tenant: TenantID? = nil) async throws -> [String]? {
        let signers = Signers(database: fixture.database, keyring: fixture.house.house.keyring, clock: fixture.house.clock.clock)
        return try await signers.signer(for: tenant ?? self.tenant, domain: Self.domain)?.keys.map(\.selector)
    }

    func states() async throws -> [String: SigningKey.State] {
        Dictionary(uniqueKeysWithValues: try await keys.keys(of: tenant, domain: Self.domain).map { ($0.selector, $0.state) })
    }

    /// What the trail heard, in its order: the action, and the state after it.
    func trail() async throws -> [String] {
        struct Body: Decodable {
            let header: EventHeader
            let data: DeliveryEvents.SigningKeyChanged
        }
        return try await fixture.database.query(
            "select body from outbox where type = 'delivery.signing_key.changed' and tenant_id = \(tenant) order by occurred_at, id"
        ).map { row in
            let body = try WireJSON.decoder().decode(Body.self, from: Data(try row.decode("body", as: String.self).utf8))
            let record = try #require(body.header.audit)
            #expect(record.targets.map(\.id) == ["\(body.data.selector)._domainkey.\(body.data.domain)"])
            return "\(record.action) \(body.data.state)"
        }
    }
}

extension SigningKey {
    var isRSA: Bool { algorithm == .rsa }
}
