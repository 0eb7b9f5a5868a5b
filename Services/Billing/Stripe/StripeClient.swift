import AsyncHTTPClient
import Contracts
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Postgres
import Primitives

/// Asks Stripe, in one pinned version of its API.
///
/// Every call ends within its time. What changes something carries an idempotency key, with its parameters frozen under it first, so a call
/// whose answer was lost is made again as it was and never has its effect twice.
struct StripeClient: Sendable {
    static let apiVersion = "2026-08-26.dahlia"

    /// How long a call may take, all its tries included.
    struct Limits: Sendable {
        var read = Duration.seconds(10)
        var write = Duration.seconds(10)
    }

    /// False: no key is set, and every call throws `.notConfigured`.
    let isConfigured: Bool
    private let base: String
    /// A function, so that the key is in no value that could be printed.
    private let authorization: @Sendable () -> String
    private let requests: StripeRequests
    private let breaker: StripeBreakerSwitch
    private let logger: Logger
    private var limits: Limits

    init(_ settings: StripeSettings, database: Database, clock: WallClock, logger: Logger, limits: Limits = Limits()) {
        isConfigured = settings.isConfigured
        base = settings.base
        let header = "Bearer \(settings.secretKey)"
        authorization = { header }
        requests = StripeRequests(database: database, clock: clock)
        breaker = StripeBreakerSwitch(clock: clock)
        self.logger = logger
        self.limits = limits
    }

    /// The same client for what a browser waits for: reads end within three seconds.
    var forBrowser: StripeClient {
        var client = self
        client.limits.read = min(limits.read, .seconds(3))
        return client
    }

    /// Reads an object or a list; tries again where that may help.
    func read<Object: Decodable & Sendable>(
        _ type: Object.Type, _ path: String, _ query: StripeParameters = [:], account: String? = nil
    ) async throws(StripeError) -> Object {
        let call = try StripeCall(
            method: "GET", path: path, parameters: StripeForm.encode(query), account: account ?? "", wireKey: nil, isConfigured: isConfigured)
        return try await perform(type, call, within: limits.read)
    }

    /// As ``read(_:_:_:account:)``; nil for what Stripe does not know.
    func find<Object: Decodable & Sendable>(_ type: Object.Type, _ path: String) async throws(StripeError) -> Object? {
        do throws(StripeError) {
            return try await read(type, path)
        } catch {
            guard error.kind == .notFound else { throw error }
            return nil
        }
    }

    /// Creates or changes something. Path and parameters are frozen under the tenant and the key before they are sent; asked again under the
    /// same key, the frozen ones are sent.
    func write<Object: Decodable & Sendable>(
        _ type: Object.Type, _ path: String, _ parameters: StripeParameters = [:], key: String, for tenant: TenantID, account: String? = nil
    ) async throws(StripeError) -> Object {
        try await change(type, "POST", path, parameters, key: key, for: tenant, account: account)
    }

    /// Deletes or cancels something, frozen as with ``write(_:_:_:key:for:account:)``. Stripe keeps no answers of such calls: after a lost one
    /// the next try may hear `.notFound` because the first had its effect, and only reading the object says which it was.
    func delete<Object: Decodable & Sendable>(
        _ type: Object.Type, _ path: String, _ parameters: StripeParameters = [:], key: String, for tenant: TenantID, account: String? = nil
    ) async throws(StripeError) -> Object {
        try await change(type, "DELETE", path, parameters, key: key, for: tenant, account: account)
    }

    /// Forgets a batch of frozen parameters from before `instant`; true when nothing is left.
    func prune(before instant: Date) async throws(PostgresError) -> Bool {
        try await requests.prune(before: instant)
    }

    // MARK: - What changes something

    private func change<Object: Decodable & Sendable>(
        _ type: Object.Type, _ method: String, _ path: String, _ parameters: StripeParameters, key: String, for tenant: TenantID, account: String?
    ) async throws(StripeError) -> Object {
        let asked = try StripeCall(
            method: method, path: path, parameters: StripeForm.encode(parameters), account: account ?? "", wireKey: "\(tenant):\(key)",
            isConfigured: isConfigured)
        // Nothing is frozen that is not going to be sent.
        guard breaker.wouldAdmit else { throw Self.resting }
        let call = try await frozen(asked, key: key, for: tenant)
        do throws(StripeError) {
            let object = try await perform(type, call, within: limits.write)
            await note { () async throws(PostgresError) in try await requests.settle(key: key, for: tenant) }
            return object
        } catch {
            switch error.kind {
            case .invalidRequest, .notFound, .authentication:
                await note { () async throws(PostgresError) in try await requests.thaw(key: key, for: tenant) }
            // The refusal of a payment stands under the key at Stripe: another try is another key.
            case .card: await note { () async throws(PostgresError) in try await requests.settle(key: key, for: tenant) }
            default: break
            }
            throw error
        }
    }

    private func frozen(_ asked: StripeCall, key: String, for tenant: TenantID) async throws(StripeError) -> StripeCall {
        let proposal = StripeRequests.Frozen(method: asked.method, path: asked.path, parameters: asked.parameters, account: asked.account)
        let frozen: StripeRequests.Frozen
        do throws(PostgresError) {
            frozen = try await requests.freeze(proposal, key: key, for: tenant)
        } catch {
            logger.warning("stripe request not frozen", metadata: ["error": "\(error)"])
            throw StripeError(.unavailable, code: "not_frozen", message: "What is to be sent could not be written down; nothing was sent.")
        }
        guard frozen.method == asked.method, frozen.account == asked.account else {
            throw StripeError(.idempotency, code: "key_reused", message: "The key was used for another kind of call; nothing was sent.")
        }
        return try StripeCall(
            method: frozen.method, path: frozen.path, parameters: frozen.parameters, account: frozen.account, wireKey: asked.wireKey,
            isConfigured: isConfigured)
    }

    /// Records what came of a call; that it could not be recorded changes nothing for whoever called.
    private func note(_ work: () async throws(PostgresError) -> Void) async {
        do throws(PostgresError) {
            try await work()
        } catch {
            logger.warning("stripe answer not noted", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Tries

    static let resting = StripeError(
        .unavailable, code: "breaker_open", message: "Stripe has not answered several times in a row and is left alone for a few seconds.")

    /// One call with its tries, counted and logged.
    private func perform<Object: Decodable & Sendable>(
        _ type: Object.Type, _ call: StripeCall, within limit: Duration
    ) async throws(StripeError) -> Object {
        let start = ContinuousClock.now
        do throws(StripeError) {
            let object = try decode(type, try await answer(to: call, until: start + limit, limit: limit))
            StripeMetrics.count(call.operation, outcome: "ok", since: start)
            return object
        } catch {
            StripeMetrics.count(call.operation, outcome: error.kind.rawValue, since: start)
            logger.notice("stripe call failed", metadata: ["operation": "\(call.operation)", "error": "\(error)"])
            throw error
        }
    }

    private func answer(
        to call: StripeCall, until deadline: ContinuousClock.Instant, limit: Duration
    ) async throws(StripeError) -> StripeHTTP.Answer {
        var retry = 0
        while true {
            let failure: StripeError
            let setback: StripeSetback
            var retryAfter: Duration?
            guard breaker.admits() else { throw Self.resting }
            do throws(StripeHTTP.Failure) {
                // No try may take all of the time, or there would be none for another.
                let answer = try await StripeHTTP.send(request(call), within: min(limit * 0.6, deadline - ContinuousClock.now))
                observe(answer.status)
                if (200..<300).contains(answer.status) { return answer }
                failure = StripeError(status: answer.status, body: answer.body, requestID: answer.requestID)
                setback = .refused(status: answer.status, code: failure.code, shouldRetry: answer.shouldRetry)
                retryAfter = answer.retryAfter
            } catch {
                switch error {
                case .cancelled:
                    breaker.abandoned()
                    throw StripeError(.unavailable, code: "cancelled", message: "The call was given up.")
                case .tooLong:
                    breaker.succeeded()
                    throw StripeError(.decoding, message: "The answer is longer than \(StripeHTTP.maximumBytes) bytes.")
                case .timedOut: failure = StripeError(.unavailable, code: "timeout", message: "Stripe did not answer in time.")
                case .unreachable: failure = StripeError(.unavailable, code: "unreachable", message: "Stripe could not be reached.")
                }
                breaker.failed()
                setback = .lost
            }
            let pause = StripeRetry.pause(before: retry, retryAfter: retryAfter, chance: .random(in: 0...1))
            guard retry < StripeRetry.limit, StripeRetry.isWorthwhile(after: setback), ContinuousClock.now + pause < deadline else { throw failure }
            retry += 1
            StripeMetrics.countRetry(call.operation)
            do {
                try await Task.sleep(for: pause)
            } catch {
                throw failure
            }
        }
    }

    /// What an answer says of Stripe's health: 429 and refusals are answers, 5xx are not.
    private func observe(_ status: Int) {
        if status >= 500 { breaker.failed() } else { breaker.succeeded() }
    }

    private func decode<Object: Decodable>(_ type: Object.Type, _ answer: StripeHTTP.Answer) throws(StripeError) -> Object {
        if let version = answer.version, version != Self.apiVersion {
            throw StripeError(
                .versionMismatch, status: answer.status, message: "Stripe answered in version \(version.prefix(40)), not \(Self.apiVersion).",
                requestID: answer.requestID)
        }
        do {
            return try StripeJSON.decoder.decode(type, from: answer.body)
        } catch {
            // Where, and never what: an answer holds personal data.
            let place = (error as? DecodingError).map(Self.place) ?? "its beginning"
            throw StripeError(
                .decoding, status: answer.status, message: "The answer is not the expected \(type) at \(place).", requestID: answer.requestID)
        }
    }

    private static func place(_ error: DecodingError) -> String {
        let path: [any CodingKey] =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): context.codingPath
            case .keyNotFound(let key, let context): context.codingPath + [key]
            @unknown default: []
            }
        return path.isEmpty ? "its beginning" : path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }

    private func request(_ call: StripeCall) -> HTTPClientRequest {
        let isPost = call.method == "POST"
        let query = isPost || call.parameters.isEmpty ? "" : "?\(call.parameters)"
        var request = HTTPClientRequest(url: base + call.path + query)
        request.method = HTTPMethod(rawValue: call.method)
        request.headers.add(name: "authorization", value: authorization())
        request.headers.add(name: "stripe-version", value: Self.apiVersion)
        request.headers.add(name: "user-agent", value: "PenguinMails")
        request.headers.add(name: "accept", value: "application/json")
        if !call.account.isEmpty { request.headers.add(name: "stripe-account", value: call.account) }
        if let key = call.wireKey { request.headers.add(name: "idempotency-key", value: key) }
        if isPost {
            request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: call.parameters))
        }
        return request
    }
}
