import Contracts
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives
import Synchronization
import TestSupport

@testable import Audit

/// Somebody's webhook: keeps what it is told, and answers 200 unless a test says otherwise.
final class WebhookDouble: Sendable {
    struct Call: Sendable {
        let body: Data
        let signature: String
        let contentType: String?

        /// What the body says; nil when it is something else.
        var told: Told? { try? WireJSON.decoder().decode(Told.self, from: body) }

        /// Whether whoever knows the secret sees that it is genuine; checked as its receiver would.
        func isSigned(with secret: String) -> Bool {
            guard let match = signature.wholeMatch(of: /t=(\d+),v1=([0-9a-f]{64})/) else { return false }
            let code = HMAC<SHA256>.authenticationCode(for: Data("\(match.1).".utf8) + body, using: SymmetricKey(data: Data(secret.utf8)))
            return Data(code).hexadecimal == match.2
        }
    }

    struct Told: Decodable, Sendable {
        let type: String
        let tenantId: TenantID
        let size: Int64
        let note: String
        let keys: [String]
        let at: Date
    }

    private struct State {
        var calls: [Call] = []
        var failures: [HTTPResponse.Status] = []
    }

    private static let signature = HTTPField.Name(WebhookSignature.header)!
    private let state = Mutex(State())

    var calls: [Call] { state.withLock { $0.calls } }

    /// Answers the next posts so.
    func fail(with statuses: HTTPResponse.Status...) {
        state.withLock { $0.failures += statuses }
    }

    /// Serves on a free port while `body` runs with its address.
    func serve(_ body: @escaping @Sendable (String) async throws -> Void) async throws {
        let router = Router()
        router.post("/hook") { request, _ in try await self.take(request) }
        try await LoopbackServer.serve(router) { try await body("\($0)/hook") }
    }

    private func take(_ request: Request) async throws -> Response {
        let bytes = try await request.body.collect(upTo: 1 << 20)
        let call = Call(
            body: Data(bytes.readableBytesView), signature: request.headers[Self.signature] ?? "", contentType: request.headers[.contentType])
        let status = state.withLock { state -> HTTPResponse.Status in
            state.calls.append(call)
            return state.failures.isEmpty ? .ok : state.failures.removeFirst()
        }
        // Where a redirect leads to: here again, so that one that is followed is seen.
        let headers: HTTPFields = status == .found ? [.location: "/hook"] : [:]
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: "heard")))
    }
}
