import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Billing

@Suite("Every operation of Stripe's API that Billing uses")
struct StripeContractTests {
    private static let ours = Task {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        let contract = StripeContract(client: fixture.client) { object in stripe.set(object) }
        // All of it, so that nothing ends before the last test.
        return (stripe: stripe, fixture: fixture, contract: contract)
    }

    private static let judge = Task {
        let mock = try await StripeMock.start(version: StripeClient.apiVersion)
        let fixture = try await StripeFixture.make(base: mock.base)
        let contract = StripeContract(client: fixture.client) { object in
            var request = HTTPClientRequest(url: "\(mock.base)/_control/objects/\(object["id"].string ?? "")")
            request.method = .PUT
            request.body = .bytes(ByteBuffer(bytes: object.data))
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
            #expect(response.status.code == 200)
        }
        return (mock: mock, fixture: fixture, contract: contract)
    }

    @Test("is accepted by the double in this repository", arguments: StripeOperation.allCases)
    func double(operation: StripeOperation) async throws {
        let ground = try await Self.ours.value
        try await ground.contract.exercise(operation)
        #expect(ground.stripe.calls.contains { StripeOperation(method: $0.method, path: $0.path) == operation })
        #expect(ground.stripe.violations == [])
    }

    @Test(
        "is accepted by whoever asks Stripe's own specification, where it is there", .enabled(if: StripeMock.knows(version: StripeClient.apiVersion)),
        arguments: StripeOperation.allCases)
    func mock(operation: StripeOperation) async throws {
        try await Self.judge.value.contract.exercise(operation)
    }
}
