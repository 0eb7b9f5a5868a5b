import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// Posts to webhooks: within a time, to the address that was looked at, following nobody elsewhere.
struct WebhookClient: Sendable {
    /// Of an answer; the rest is not read.
    private static let mostBytes = 65_536
    /// Of an answer, as it is shown.
    private static let mostShown = 500
    private static let limit = Duration.seconds(10)
    private static let tooSlow = CheckpointFailure("The server did not answer within 10 seconds.")

    let reach: WebhookReach
    /// A PEM file with the authorities of our own network; empty for none.
    let certificates: String

    /// What the server said with a 2xx. Throws ``CheckpointFailure``, or `CancellationError` when the task was cancelled.
    func post(_ body: Data, signature: String, to address: WebhookAddress) async throws -> CheckpointReply {
        let found = try await address.resolve(reach: reach)
        var request = HTTPClientRequest(url: address.text)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "user-agent", value: "PenguinMails-Audit")
        request.headers.add(name: WebhookSignature.header, value: signature)
        request.body = .bytes(ByteBuffer(bytes: body))
        let reply = try await send(request, to: address, at: found)
        guard (200..<300).contains(reply.status) else {
            throw CheckpointFailure("The server answered \(reply.status), not 2xx.", reply: reply)
        }
        return reply
    }

    /// A client for one post: which address a name means is settled in it, and nothing is left open afterwards.
    private func send(_ request: HTTPClientRequest, to address: WebhookAddress, at found: String) async throws -> CheckpointReply {
        var configuration = HTTPClient.Configuration()
        if reach == .anywhere, !certificates.isEmpty {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(certificates)]
            configuration.tlsConfiguration = tls
        }
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = TimeAmount.seconds(10)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        // The host stays in the request and in the certificate's check; the connection goes to what was looked at.
        configuration.dnsOverride = [address.host: found]
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<CheckpointReply, any Error>
        do {
            result = .success(try await Self.exchange(request, over: client))
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        do {
            return try result.get()
        } catch let failure as CheckpointFailure {
            throw failure
        } catch {
            if Task.isCancelled { throw CancellationError() }
            throw Self.failure(error)
        }
    }

    /// The time holds for all of it, since the client's own ends with the answer's head.
    private static func exchange(_ request: HTTPClientRequest, over client: HTTPClient) async throws -> CheckpointReply {
        try await withThrowingTaskGroup(of: CheckpointReply.self) { group in
            group.addTask {
                let response = try await client.execute(request, timeout: .seconds(10))
                return CheckpointReply(status: Int(response.status.code), text: try await beginning(of: response.body))
            }
            group.addTask {
                try await Task.sleep(for: limit)
                throw tooSlow
            }
            defer { group.cancelAll() }
            guard let reply = try await group.next() else { throw CancellationError() }
            return reply
        }
    }

    private static func beginning(of body: HTTPClientResponse.Body) async throws -> String {
        var bytes: [UInt8] = []
        for try await part in body {
            bytes += part.readableBytesView.prefix(mostBytes - bytes.count)
            if bytes.count == mostBytes { break }
        }
        return String(String(decoding: bytes, as: UTF8.self).prefix(mostShown))
    }

    private static func failure(_ error: any Error) -> CheckpointFailure {
        if let error = error as? HTTPClientError, error == .deadlineExceeded || error == .connectTimeout || error == .readTimeout { return tooSlow }
        if error is NIOSSLError || error is NIOSSLExtraError {
            return CheckpointFailure("No encrypted connection could be made; is the server's certificate valid for its name?")
        }
        return CheckpointFailure("The server cannot be reached, or broke off.")
    }
}
