import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives
import Synchronization
import TestSupport

@testable import Billing

/// A small Stripe on a loopback port: it remembers, judges every call by Stripe's specification, honours idempotency keys, fails on demand
/// and signs webhooks. It emits no event by itself and plays no billing clock: tests set objects, then send events in the order they choose.
///
/// It ends when nobody holds it any more.
final class StripeDouble: Sendable {
    static let secretKey = "sk_test_double"
    static let publishableKey = "pk_test_double"
    static let webhookSecret = "whsec_platform"
    static let connectWebhookSecret = "whsec_connect"

    /// `http://127.0.0.1:port`
    let base: String
    private let core: StripeDoubleCore
    private let server: Task<Void, any Error>

    /// With the test's clock, objects and events are as old as the test says.
    static func start(clock: WallClock = .system) async throws -> StripeDouble {
        let core = StripeDoubleCore(clock: clock)
        let (addresses, found) = AsyncStream.makeStream(of: String.self)
        let server = Task {
            defer { found.finish() }
            let router = Router()
            for method in [HTTPRequest.Method.get, .post, .delete] {
                router.on("/**", method: method) { request, _ in try await core.answer(request) }
            }
            try await LoopbackServer.serve(router) { address in
                found.yield(address)
                found.finish()
                // Until it is cancelled.
                try await Task.sleep(for: .seconds(86_400))
            }
        }
        for await address in addresses { return StripeDouble(base: address, core: core, server: server) }
        server.cancel()
        throw CancellationError()
    }

    private init(base: String, core: StripeDoubleCore, server: Task<Void, any Error>) {
        self.base = base
        self.core = core
        self.server = server
    }

    deinit {
        server.cancel()
    }

    /// The settings of a service that talks to this double.
    var configuration: [String: String] {
        [
            "stripe.api.base": base, "stripe.secret.key": Self.secretKey, "stripe.publishable.key": Self.publishableKey,
            "stripe.webhook.secret": Self.webhookSecret, "stripe.connect.webhook.secret": Self.connectWebhookSecret,
        ]
    }

    // MARK: - What happened

    /// Every call, in order.
    var calls: [StripeDoubleCore.Call] { core.calls }

    /// Calls that say the method and path begin so, such as `POST /v1/customers`.
    func calls(_ prefix: String) -> [StripeDoubleCore.Call] {
        calls.filter { "\($0.method) \($0.path)".hasPrefix(prefix) }
    }

    /// What no client of ours may ever do: a parameter that Stripe does not know, a change without a key, another version.
    var violations: [String] { calls.compactMap(\.violation) }

    // MARK: - What there is

    /// An object as it is now.
    func object(_ id: String, account: String = "") -> DoubleJSON? {
        core.withWorld { world, _ in world.object(id, account: account) }
    }

    /// Changes an object without telling anybody, or makes one; `id` must be there, and `object` when it is new.
    func set(_ members: DoubleJSON, account: String = "") {
        core.withWorld { world, now in
            let place = StripePlace(account: account, now: now)
            let id = members["id"].string ?? ""
            let known = world.object(id, account: account) ?? StripeTemplates.object(members["object"].string ?? "", id: id, at: place)
            world.store(known.merged(with: members), account: account)
        }
    }

    /// A recurring price of a product of its own; its id.
    @discardableResult
    func price(_ id: String, amount: Int64, currency: String = "usd", interval: String? = "month") -> String {
        set(["id": "prod_of_\(id)", "object": "product", "name": "Product of \(id)"])
        let recurring: DoubleJSON = if let interval { ["interval": .text(interval), "interval_count": 1] } else { .null }
        set([
            "id": .text(id), "object": "price", "product": "prod_of_\(id)", "unit_amount": .integer(amount), "currency": .text(currency),
            "type": .text(interval == nil ? "one_time" : "recurring"), "recurring": recurring,
        ])
        return id
    }

    /// A subscription and its first invoice, as a paid checkout makes them; its id.
    @discardableResult
    func subscribe(
        customer: String, price: String, status: String = "active", metadata: [String: DoubleJSON] = [:], trialEnd: Date? = nil
    ) throws -> String {
        let made: Result<DoubleJSON, StripeRefusal> = core.withWorld { world, now in
            let place = StripePlace(account: "", now: now)
            if world.object(customer) == nil { world.store(StripeTemplates.object("customer", id: customer, at: place), account: "") }
            do throws(StripeRefusal) {
                return .success(
                    try world.subscribe(
                        customer: customer, prices: [["price": .text(price), "quantity": 1]], status: status, metadata: .map(metadata),
                        trialEnd: trialEnd, place))
            } catch {
                return .failure(error)
            }
        }
        return try made.get()["id"].string ?? ""
    }

    /// What Stripe does when the person has paid; the id of the subscription or of the payment.
    @discardableResult
    func complete(checkout id: String) throws -> String {
        let done: Result<String, StripeRefusal> = core.withWorld { world, now in
            do throws(StripeRefusal) {
                return .success(try world.complete(checkout: id, StripePlace(account: "", now: now)))
            } catch {
                return .failure(error)
            }
        }
        return try done.get()
    }

    // MARK: - Events

    /// Records an event that its endpoint has not taken; its id.
    @discardableResult
    func event(
        _ type: String, _ objectID: String, id: String? = nil, created: Date? = nil, account: String = "",
        apiVersion: String = StripeClient.apiVersion
    ) -> String {
        core.withWorld { world, now in
            let identifier = id ?? world.identifier("evt_")
            let object: DoubleJSON = world.object(objectID, account: account) ?? ["id": .text(objectID), "object": "unknown"]
            var event: DoubleJSON = [
                "id": .text(identifier), "object": "event", "type": .text(type), "api_version": .text(apiVersion), "livemode": false,
                "created": .integer(Int64((created ?? now).timeIntervalSince1970)), "pending_webhooks": 1,
                "data": ["object": object],
            ]
            if !account.isEmpty { event["account"] = .text(account) }
            world.store(event, account: account)
            return identifier
        }
    }

    /// The endpoint has taken these, so a look for undelivered ones passes over them.
    func markDelivered(_ events: String...) {
        core.withWorld { world, _ in world.delivered.formUnion(events) }
    }

    /// An event and the request that carries it, signed `age` seconds ago with each of the secrets.
    func signed(
        _ type: String, _ objectID: String, id: String? = nil, created: Date? = nil, age: TimeInterval = 0, secrets: [String]? = nil,
        account: String = "", apiVersion: String = StripeClient.apiVersion
    ) -> (headers: HTTPFields, body: ByteBuffer) {
        let identifier = event(type, objectID, id: id, created: created, account: account, apiVersion: apiVersion)
        let body = object(identifier, account: account)?.data ?? Data()
        let timestamp = Int64(core.now.timeIntervalSince1970 - age)
        let header = Self.header(body, timestamp: timestamp, secrets: secrets ?? [account.isEmpty ? Self.webhookSecret : Self.connectWebhookSecret])
        return ([.contentType: "application/json; charset=utf-8", .stripeSignature: header], ByteBuffer(bytes: body))
    }

    /// `Stripe-Signature` over a body.
    static func header(_ body: Data, timestamp: Int64, secrets: [String]) -> String {
        let signatures = secrets.map { secret in
            let code = HMAC<SHA256>.authenticationCode(
                for: Data("\(timestamp).".utf8) + body, using: SymmetricKey(data: Data(secret.utf8)))
            return "v1=\(Data(code).hexadecimal)"
        }
        return (["t=\(timestamp)"] + signatures + ["v0=\(String(repeating: "0", count: 64))"]).joined(separator: ",")
    }

    // MARK: - Failures

    /// Makes the next calls that begin so fail, `after` they have taken effect or instead of it.
    func fail(_ prefix: String, _ mode: StripeDoubleCore.Failure.Mode, after: Bool = false, skip: Int = 0, times: Int = 1) {
        core.fail(StripeDoubleCore.Failure(prefix: prefix, mode: mode, after: after, skip: skip, times: times))
    }

    /// Nothing fails any more.
    func recover() {
        core.recover()
    }
}

extension HTTPField.Name {
    static let stripeSignature = Self("Stripe-Signature")!
}
