import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// How we talk to providers: a value with one effect, so that a test can give another.
struct OAuthHTTP: Sendable {
    struct Answer: Sendable {
        let status: UInt
        let body: Data
    }

    let send: @Sendable (HTTPClientRequest) async throws -> Answer

    static let live = within(.seconds(10))

    /// Waits for the whole answer for so long: one that drips must not outlast the lease under which it was asked for.
    static func within(_ limit: Duration) -> OAuthHTTP {
        OAuthHTTP { request in
            try await withThrowingTaskGroup(of: Answer.self) { group in
                group.addTask {
                    let response = try await client.execute(request, timeout: .seconds(10))
                    let body = try await response.body.collect(upTo: 262_144)
                    return Answer(status: response.status.code, body: Data(body.readableBytesView))
                }
                group.addTask {
                    try await Task.sleep(for: limit)
                    throw Silence()
                }
                defer { group.cancelAll() }
                guard let first = try await group.next() else { throw Silence() }
                return first
            }
        }
    }

    /// No whole answer within the limit.
    struct Silence: Error, CustomStringConvertible {
        let description = "there was no whole answer in time"
    }

    /// Follows no redirect: our secret and a person's code are for the endpoint that the operator named, nobody else.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private static let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    /// `application/x-www-form-urlencoded`, as bodies and queries have it.
    static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\($0)=\($1.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "")" }.joined(separator: "&")
    }
}
