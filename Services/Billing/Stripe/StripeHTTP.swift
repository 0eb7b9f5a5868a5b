import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// One exchange with Stripe over HTTP: within its time and of bounded size, or a failure that says which.
enum StripeHTTP {
    /// Why there is no whole answer; whether the call had an effect is unknown.
    enum Failure: Error, Sendable, Equatable {
        case unreachable
        case timedOut
        case tooLong
        case cancelled
    }

    struct Answer: Sendable {
        let status: Int
        let body: Data
        let requestID: String?
        let version: String?
        let shouldRetry: Bool?
        let retryAfter: Duration?

        init(status: Int, headers: HTTPHeaders, body: Data) {
            self.status = status
            self.body = body
            requestID = headers.first(name: "request-id")
            version = headers.first(name: "stripe-version")
            shouldRetry = headers.first(name: "stripe-should-retry").flatMap { Bool($0) }
            retryAfter = headers.first(name: "retry-after").flatMap { Int64($0) }.map { .seconds(max(0, min($0, 3_600))) }
        }
    }

    /// The longest answer that is read.
    static let maximumBytes = 4 << 20
    static let connectTimeout = TimeAmount.seconds(2)

    /// Sends once and reads the whole answer; the time holds for all of it, since the client's own ends with the answer's head.
    static func send(_ request: HTTPClientRequest, within limit: Duration) async throws(Failure) -> Answer {
        do {
            return try await withThrowingTaskGroup(of: Answer.self) { group in
                group.addTask { try await exchange(request, within: limit) }
                group.addTask {
                    try await Task.sleep(for: limit)
                    throw Failure.timedOut
                }
                defer { group.cancelAll() }
                guard let answer = try await group.next() else { throw Failure.unreachable }
                return answer
            }
        } catch {
            throw Failure(error)
        }
    }

    private static func exchange(_ request: HTTPClientRequest, within limit: Duration) async throws -> Answer {
        let response = try await client.execute(request, timeout: .nanoseconds(Int64(limit / .nanoseconds(1))))
        let body = try await response.body.collect(upTo: maximumBytes)
        return Answer(status: Int(response.status.code), headers: response.headers, body: Data(body.readableBytesView))
    }

    /// Follows no redirect, since our key is for one address; connects once, since whether to try again is decided above.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = connectTimeout
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}

extension StripeHTTP.Failure {
    fileprivate init(_ error: any Error) {
        if let failure = error as? StripeHTTP.Failure {
            self = failure
        } else if error is NIOTooManyBytesError {
            self = .tooLong
        } else if error is CancellationError {
            self = .cancelled
        } else if let error = error as? HTTPClientError, error == .deadlineExceeded || error == .connectTimeout || error == .readTimeout {
            self = .timedOut
        } else {
            self = Task.isCancelled ? .cancelled : .unreachable
        }
    }
}
