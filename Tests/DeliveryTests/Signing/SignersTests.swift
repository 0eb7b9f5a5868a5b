import Contracts
import Foundation
import Mail
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite("Keys at hand")
struct SignersTests {
    private struct Unavailable: Error {}

    private final class Source: Sendable {
        let loads = Mutex(0)
        let fails = Mutex(false)

        func load(_ domain: String) throws -> DKIMSigner? {
            loads.withLock { $0 += 1 }
            if fails.withLock(\.self) { throw Unavailable() }
            return domain == "unsigned.example" ? nil : DKIMSigner(domain: domain, keys: [])
        }

        var count: Int { loads.withLock(\.self) }
    }

    private let tenant = TenantID(UUID())

    @Test("loaded once for many mails, also where there is no key, and again after less than a minute")
    func life() async throws {
        let (source, clock) = (Source(), TestClock())
        let signers = Signers(clock: clock.clock) { _, domain in try source.load(domain) }
        for _ in 0..<5 {
            #expect(try await signers.signer(for: tenant, domain: "A.example")?.domain == "a.example")
            #expect(try await signers.signer(for: tenant, domain: "unsigned.example") == nil)
        }
        #expect(source.count == 2)
        _ = try await signers.signer(for: TenantID(UUID()), domain: "a.example")
        #expect(source.count == 3)
        clock.advance(by: .seconds(Signers.life - 1))
        _ = try await signers.signer(for: tenant, domain: "a.example")
        #expect(source.count == 3 && Signers.life < 60)
        clock.advance(by: .seconds(2))
        _ = try await signers.signer(for: tenant, domain: "a.example")
        #expect(source.count == 4)
        // A clock that was set back makes nothing live longer.
        clock.advance(by: .seconds(-3_600))
        _ = try await signers.signer(for: tenant, domain: "a.example")
        #expect(source.count == 5)
    }

    @Test("a failure is said, is not kept, and never becomes mail without a signature")
    func failure() async throws {
        let (source, clock) = (Source(), TestClock())
        let signers = Signers(clock: clock.clock) { _, domain in try source.load(domain) }
        _ = try await signers.signer(for: tenant, domain: "a.example")
        source.fails.withLock { $0 = true }
        _ = try await signers.signer(for: tenant, domain: "a.example")
        clock.advance(by: .seconds(Signers.life + 1))
        for _ in 0..<2 {
            await #expect(throws: Unavailable.self) { try await signers.signer(for: tenant, domain: "a.example") }
        }
        source.fails.withLock { $0 = false }
        #expect(try await signers.signer(for: tenant, domain: "a.example") != nil)
    }

    @Test("as many domains as there is room for are held, and those at once wait for one load")
    func bounds() async throws {
        let (source, clock) = (Source(), TestClock())
        let signers = Signers(limit: 8, clock: clock.clock) { _, domain in
            await Task.yield()
            return try source.load(domain)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { _ = try await signers.signer(for: tenant, domain: "one.example") } }
            try await group.waitForAll()
        }
        #expect(source.count == 1)
        for number in 0..<100 {
            _ = try await signers.signer(for: tenant, domain: "d\(number).example")
            let held = await signers.count
            #expect(held <= 8)
        }
        // The newest are still there.
        let before = source.count
        _ = try await signers.signer(for: tenant, domain: "d99.example")
        #expect(source.count == before)
    }

    @Test("every replica signs with the new key within a minute, and the old one is kept for all that they may have signed")
    func replicas() async throws {
        let ground = try await SigningGround.make()
        let old = try await ground.activated()
        let house = ground.fixture.house.house
        let replicas = (0..<2).map { _ in Signers(database: house.worker, keyring: house.keyring, clock: house.clock) }
        func selectors(_ replica: Signers) async throws -> [String]? {
            try await replica.signer(for: ground.tenant, domain: SigningGround.domain)?.keys.map(\.selector)
        }
        for replica in replicas { #expect(try await selectors(replica) == old.map(\.selector)) }
        let new = try await ground.keys.rotate(SigningGround.domain, of: ground.tenant, by: .system).suffix(2)
        ground.zone.publish(Array(new))
        // One reads just before the change and goes on with what it has.
        ground.advance(seconds: Signers.life + 1)
        #expect(try await selectors(replicas[0]) == old.map(\.selector))
        let changed = try await ground.keys.tend(SigningGround.domain, of: ground.tenant)
        ground.advance(seconds: Signers.life - 1)
        #expect(try await selectors(replicas[0]) == old.map(\.selector))
        let removal = ground.keys.policy.retirement(of: try #require(changed.first))
        #expect(removal >= ground.now.addingTimeInterval(7 * 86_400))
        ground.advance(seconds: 2)
        for replica in replicas { #expect(try await selectors(replica) == new.map(\.selector)) }
    }
}
