import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import TestSupport
import Testing

@testable import Billing

@Suite("When Stripe is slow or down")
struct StripeWeatherTests {
    private static let quick = StripeClient.Limits(read: .milliseconds(500), write: .milliseconds(500))

    @Test(
        "a call ends within its time, whatever Stripe does",
        arguments: [.timeout(), .reset, .status(503), .status(429)] as [StripeDoubleCore.Failure.Mode])
    func inTime(mode: StripeDoubleCore.Failure.Mode) async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base, limits: Self.quick)
        stripe.fail("GET /v1/prices", mode, times: 100)
        let start = ContinuousClock.now
        let error = await fixture.failure { try await fixture.client.read(StripeList<StripePrice>.self, "/v1/prices") }
        #expect(error?.isTransient == true)
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect((1...4).contains(stripe.calls.count))
    }

    @Test("nobody listening is unavailable at once, as often as it is tried")
    func nobody() async throws {
        let port = try freePort()
        let fixture = try await StripeFixture.make(base: "http://127.0.0.1:\(port)")
        let start = ContinuousClock.now
        let error = await fixture.failure { try await fixture.customer() }
        #expect(error?.kind == .unavailable && error?.code == "unreachable")
        #expect(ContinuousClock.now - start < .seconds(8))
        // It was going to be sent: the next one under the key sends the same.
        #expect(try await fixture.frozen("customer")?.parameters == "name=Acme")
    }

    @Test("after five failures in a row Stripe is left alone for fifteen seconds, then one call tries and closes the breaker")
    func breaker() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        stripe.fail("GET /v1/products", .status(500), times: 100)
        for _ in 0..<2 {
            #expect(await fixture.failure { try await fixture.client.read(StripeList<StripeProduct>.self, "/v1/products") }?.isTransient == true)
        }
        #expect(stripe.calls.count == 5)
        stripe.recover()
        let start = ContinuousClock.now
        for _ in 0..<20 {
            let error = await fixture.failure { try await fixture.client.read(StripeList<StripeProduct>.self, "/v1/products") }
            #expect(error?.kind == .unavailable && error?.code == "breaker_open")
        }
        #expect(await fixture.failure { try await fixture.customer() }?.code == "breaker_open")
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(stripe.calls.count == 5)
        // What was never to be sent is not frozen.
        #expect(try await fixture.frozen("customer") == nil)
        fixture.house.clock.advance(by: .seconds(15))
        #expect(try await fixture.client.read(StripeList<StripeProduct>.self, "/v1/products").data == [])
        #expect(try await fixture.customer().name == "Acme")
    }

    @Test("a trial that fails leaves it alone for another fifteen seconds")
    func trialFails() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        stripe.fail("GET /v1/products", .status(500), times: 100)
        func code() async -> String? {
            await fixture.failure { try await fixture.client.read(StripeList<StripeProduct>.self, "/v1/products") }?.code
        }
        for _ in 0..<2 { _ = await code() }
        fixture.house.clock.advance(by: .seconds(15))
        _ = await code()
        #expect(stripe.calls.count == 6)
        fixture.house.clock.advance(by: .seconds(14))
        #expect(await code() == "breaker_open")
        #expect(stripe.calls.count == 6)
    }

    @Test("refusals and rate limits are answers: they open nothing")
    func refusalsOpenNothing() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base, limits: Self.quick)
        stripe.fail("GET /v1/products", .status(429), times: 4)
        #expect(await fixture.failure { try await fixture.client.read(StripeList<StripeProduct>.self, "/v1/products") }?.kind == .rateLimited)
        stripe.recover()
        for _ in 0..<6 {
            #expect(await fixture.failure { try await fixture.client.read(StripeProduct.self, "/v1/products/prod_none") }?.kind == .notFound)
        }
        #expect(try await fixture.client.read(StripeList<StripeProduct>.self, "/v1/products").data == [])
    }

    @Test("a call whose task is cancelled ends at once, and is no failure of Stripe's")
    func cancelled() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        stripe.fail("GET /v1/products", .timeout(), times: 100)
        for _ in 0..<StripeBreaker.threshold {
            let count = stripe.calls.count
            let task = Task { try await fixture.client.read(StripeList<StripeProduct>.self, "/v1/products") }
            try await eventually("the call is under way") { stripe.calls.count > count }
            task.cancel()
            let result = await task.result
            #expect(throws: StripeError.self) { try result.get() }
        }
        stripe.recover()
        #expect(try await fixture.client.read(StripeList<StripeProduct>.self, "/v1/products").data == [])
    }

    /// Answers everything so.
    private func serving(
        _ answer: @escaping @Sendable () -> Response, _ body: @escaping @Sendable (StripeFixture) async throws -> Void
    ) async throws {
        let router = Router()
        router.get("/**") { _, _ in answer() }
        try await LoopbackServer.serve(router) { base in try await body(try await StripeFixture.make(base: base, limits: Self.quick)) }
    }

    @Test("an answer longer than four megabytes is not read to its end")
    func tooLong() async throws {
        try await serving {
            Response(status: .ok, body: .init(byteBuffer: ByteBuffer(repeating: UInt8(ascii: " "), count: StripeHTTP.maximumBytes + 1)))
        } _: { fixture in
            let error = await fixture.failure { try await fixture.client.read(StripeCustomer.self, "/v1/customers/cus_1") }
            #expect(error?.kind == .decoding)
        }
    }

    @Test("an answer whose end never comes ends with the call's time")
    func endless() async throws {
        try await serving {
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    try await writer.write(ByteBuffer(string: "{"))
                    try await Task.sleep(for: .seconds(30))
                    try await writer.finish(nil)
                })
        } _: { fixture in
            let start = ContinuousClock.now
            let error = await fixture.failure { try await fixture.client.read(StripeCustomer.self, "/v1/customers/cus_1") }
            #expect(error?.kind == .unavailable && error?.code == "timeout")
            #expect(ContinuousClock.now - start < .seconds(3))
        }
    }

    @Test("an answer of another form or version is said to be that, without its words")
    func otherForm() async throws {
        try await serving {
            let body = #"{"id":"sub_1","status":7,"items":{"data":[{"id":7}]},"email":"ada@example.com"}"#
            return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: body)))
        } _: { fixture in
            let error = await fixture.failure { try await fixture.client.read(StripeSubscription.self, "/v1/subscriptions/sub_1") }
            #expect(error?.kind == .decoding && error?.message.contains("ada@") == false && error?.message.contains("sub_1") == false)
        }
        try await serving {
            Response(
                status: .ok, headers: [HTTPField.Name("Stripe-Version")!: "2020-08-27"],
                body: .init(byteBuffer: ByteBuffer(string: #"{"id":"cus_1"}"#)))
        } _: { fixture in
            let error = await fixture.failure { try await fixture.client.read(StripeCustomer.self, "/v1/customers/cus_1") }
            #expect(error?.kind == .versionMismatch)
        }
    }

    @Test("a redirect is not followed: our key goes nowhere else")
    func redirect() async throws {
        try await serving {
            Response(status: .found, headers: [.location: "http://127.0.0.1:1/"])
        } _: { fixture in
            let error = await fixture.failure { try await fixture.client.read(StripeCustomer.self, "/v1/customers/cus_1") }
            #expect(error?.kind == .invalidRequest && error?.status == 302)
        }
    }
}
