import Contracts
import Foundation
import HTTPTypes
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import Billing

@Suite("Invoices and payments")
struct InvoiceTests {
    private static let invoices = "/api/v1/billing/invoices"

    /// A customer with as many invoices, the newest last in name.
    private func ground(invoices count: Int) async throws -> StripeGround {
        let ground = try await StripeGround.make()
        try await ground.link()
        for number in 0..<count {
            ground.stripe.set([
                "id": .text("in_\(number)"), "object": "invoice", "customer": .text(StripeGround.customer), "status": "paid",
                "created": .integer(1_800_000_000 + Int64(number)), "currency": "usd", "total": .integer(4_900 + Int64(number)),
                "amount_due": 4_900, "amount_paid": 4_900,
            ])
        }
        ground.stripe.set(["id": "in_foreign", "object": "invoice", "customer": "cus_other", "created": 1_900_000_000])
        return ground
    }

    @Test("who is no customer yet has none, and Stripe is not asked")
    func none() async throws {
        let ground = try await StripeGround.make()
        for path in ["invoices", "payments"] {
            let answer = try await ground.send(.get, "/api/v1/billing/\(path)")
            #expect(answer.status == 200 && answer.count("data") == 0 && answer.body.contains(#""next":null"#))
        }
        #expect(ground.stripe.calls.isEmpty)
    }

    @Test("page by page, the newest first, each once and nobody else's, with the links to read and keep them")
    func pages() async throws {
        let ground = try await ground(invoices: 5)
        var seen: [String] = []
        var cursor: String?
        for _ in 0..<10 {
            let query = cursor.map { "&cursor=\($0)" } ?? ""
            let page = try await ground.send(.get, "\(Self.invoices)?limit=2\(query)")
            #expect(page.status == 200, "\(page.body)")
            for index in 0..<(page.count("data") ?? 0) { seen.append(page.at("data.\(index).id") ?? "") }
            cursor = page.at("page.next")
            if cursor == nil { break }
        }
        #expect(seen == ["in_4", "in_3", "in_2", "in_1", "in_0"])
        let first = try await ground.send(.get, "\(Self.invoices)?limit=1")
        #expect(first.at("data.0.total.formatted") == "49.04 USD" && first.at("data.0.status") == "paid")
        #expect(first.at("data.0.hosted_url")?.hasSuffix("in_4") == true && first.at("data.0.pdf_url")?.hasSuffix("/pdf") == true)
    }

    @Test("a cursor that names nothing is the caller's mistake", arguments: ["nonsense", "WyJpbl9ub3doZXJlIl0"])
    func badCursor(cursor: String) async throws {
        let ground = try await ground(invoices: 1)
        let answer = try await ground.send(.get, "\(Self.invoices)?cursor=\(cursor)")
        #expect(answer.status == 400 && answer.at("field") == "cursor", "\(answer.body)")
    }

    @Test("for a minute a page is not asked for again; another tenant's never answers")
    func cached() async throws {
        let ground = try await ground(invoices: 1)
        for _ in 0..<3 { #expect(try await ground.send(.get, Self.invoices).count("data") == 1) }
        #expect(ground.stripe.calls("GET /v1/invoices").count == 1)
        #expect(try await ground.send(.get, Self.invoices, tenant: TenantID(UUID())).count("data") == 0)
        ground.advance(61)
        #expect(try await ground.send(.get, Self.invoices).count("data") == 1)
        try await eventually("the page is read again") { ground.stripe.calls("GET /v1/invoices").count == 2 }
    }

    @Test("while Stripe is away, what was read before is shown with its time, and what was not is a 503")
    func away() async throws {
        let ground = try await ground(invoices: 1)
        let first = try await ground.send(.get, Self.invoices)
        ground.advance(600)
        ground.stripe.fail("", .status(503), times: 1_000)
        let start = ContinuousClock.now
        let stale = try await ground.send(.get, Self.invoices)
        // The page itself waits 150 ms for Stripe and no longer; the rest is room for a busy machine.
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(stale.status == 200 && stale.at("data.0.id") == "in_0" && stale.at("as_of") == first.at("as_of"))
        let cold = try await ground.send(.get, "/api/v1/billing/payments")
        #expect(cold.status == 503 && cold.kind == "stripe_unavailable" && cold.headers[.retryAfter] != nil, "\(cold.body)")
    }

    @Test("payments show what was taken, by what, and what went wrong")
    func payments() async throws {
        let ground = try await ground(invoices: 0)
        ground.stripe.set([
            "id": "ch_1", "object": "charge", "customer": .text(StripeGround.customer), "status": "failed", "amount": 7_000, "currency": "jpy",
            "failure_message": "Your card was declined.", "payment_method_details": ["type": "card", "card": ["brand": "visa", "last4": "4242"]],
        ])
        let answer = try await ground.send(.get, "/api/v1/billing/payments")
        #expect(answer.at("data.0.amount.formatted") == "7000 JPY" && answer.at("data.0.status") == "failed", "\(answer.body)")
        #expect(answer.at("data.0.last_four") == "4242" && answer.at("data.0.brand") == "visa")
        #expect(answer.at("data.0.failure") == "Your card was declined." && answer.at("data.0.receipt_url") != nil)
    }
}

@Suite("Pages that are held for a while")
struct ListCacheTests {
    private final class Source: Sendable {
        let reads = Mutex(0)
        private let asking = Mutex(0)
        var asked: Int { asking.withLock { $0 } }

        func ask() { asking.withLock { $0 += 1 } }

        func read() -> Int {
            reads.withLock { count in
                count += 1
                return count
            }
        }
    }

    private static func key(_ tenant: TenantID, _ cursor: String? = nil) -> ListCache<Int>.Key {
        .init(tenant: tenant, cursor: cursor, limit: 10)
    }

    @Test("many who ask at once are one question, and a change of the tenant's ends what was held of it alone")
    func oneQuestion() async throws {
        let cache = ListCache<Int>(clock: TestClock().clock)
        let (source, one, other) = (Source(), TenantID(UUID()), TenantID(UUID()))
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    source.ask()
                    return try await cache.page(Self.key(one)) {
                        // Held until everybody has asked.
                        try await eventually("all have asked") { source.asked == 50 }
                        return source.read()
                    }.value
                }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(values == [1])
        #expect(try await cache.page(Self.key(other)) { source.read() }.value == 2)
        await cache.forget(one)
        #expect(try await cache.page(Self.key(other)) { source.read() }.value == 2)
        #expect(try await cache.page(Self.key(one)) { source.read() }.value == 3)
    }

    @Test("what was being read while the tenant changed something is not kept")
    func changedMeanwhile() async throws {
        let cache = ListCache<Int>(clock: TestClock().clock)
        let (source, tenant) = (Source(), TenantID(UUID()))
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        async let old = cache.page(Self.key(tenant)) {
            let value = source.read()
            for await _ in gate { break }
            return value
        }
        try await eventually("it is being read") { source.reads.withLock { $0 } == 1 }
        await cache.forget(tenant)
        open.yield()
        open.finish()
        #expect(try await old.value == 1)
        #expect(try await cache.page(Self.key(tenant)) { source.read() }.value == 2)
    }

    @Test("it never holds more than it may: the oldest go")
    func bounded() async throws {
        let clock = TestClock()
        let cache = ListCache<Int>(capacity: 3, clock: clock.clock)
        let (source, tenant) = (Source(), TenantID(UUID()))
        for number in 0..<5 {
            _ = try await cache.page(Self.key(tenant, "\(number)")) { source.read() }
            clock.advance(by: .seconds(1))
        }
        #expect(try await cache.page(Self.key(tenant, "4")) { source.read() }.value == 5)
        #expect(try await cache.page(Self.key(tenant, "0")) { source.read() }.value == 6)
    }
}
