import AsyncHTTPClient
import Contracts
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import TestSupport
import Testing

@Suite("Ends and restarts, with real processes", .serialized)
struct ShutdownTests {
    @Test("SIGTERM: a request under way is answered, each service ends by itself and is started again; down leaves no process")
    func graceful() async throws {
        try await PenguinCommand.withFolder { penguin in
            let outcome = try await penguin.run(["up", "--detach", "--no-build"])
            try #require(outcome.status == 0, "\(outcome.output)\(outcome.messages)")
            let before = try penguin.stack()

            try await answeredToTheEnd(penguin, before)
            for service in ["billing", "campaigns", "delivery", "audit"] {
                kill(try before.process(service), SIGTERM)
            }
            for service in ["auth", "billing", "campaigns", "delivery", "audit"] {
                let old = try before.process(service)
                let port = try before.port("\(service)_internal")
                try await eventually("\(service) is back as another process", within: .seconds(60)) {
                    guard let new = try? penguin.stack().process(service), new != old else { return false }
                    return await status(of: "http://127.0.0.1:\(port)/readyz") == 200
                }
                // The last thing a service says when it ended by itself.
                #expect(try penguin.log(of: service).contains("\"message\":\"stopped\""), "\(service)")
            }
            #expect(try penguin.log(of: "stack").contains("killed") == false)

            let last = try penguin.stack()
            #expect(try await penguin.run(["down"]).status == 0)
            #expect(last.processes.count == 11)
            for (name, process) in last.processes {
                #expect(kill(process.pid, 0) == -1 && errno == ESRCH, "\(name) is still there")
            }
        }
    }

    /// Half a request, then SIGTERM, then the other half: the answer comes, and nobody new is let in meanwhile.
    private func answeredToTheEnd(_ penguin: PenguinCommand, _ stack: RunningStack) async throws {
        let (publicPort, internalPort) = (try stack.port("auth_public"), try stack.port("auth_internal"))
        let body = #"{"email":"nobody@example.com","password":"not a password of anybody"}"#
        let (parts, sender) = AsyncStream.makeStream(of: ByteBuffer.self)
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(publicPort)/api/v1/auth/sign-in")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(contentsOf: try await csrfHeaders("http://127.0.0.1:\(publicPort)/api/v1/auth/csrf"))
        request.body = .stream(parts, length: .known(Int64(body.utf8.count)))
        sender.yield(ByteBuffer(string: String(body.prefix(20))))
        async let answer = HTTPClient.shared.execute(request, timeout: .seconds(30))

        try await eventually("the request has arrived") {
            let metrics = await text(of: "http://127.0.0.1:\(internalPort)/metrics")
            return metrics.split(separator: "\n").contains {
                $0.hasPrefix("http_server_active_requests") && $0.contains("POST") && ($0.hasSuffix(" 1") || $0.hasSuffix(" 1.0"))
            }
        }
        kill(try stack.process("auth"), SIGTERM)
        try await eventually("the listener has closed") { await status(of: "http://127.0.0.1:\(publicPort)/api/v1/auth/session") == nil }
        sender.yield(ByteBuffer(string: String(body.dropFirst(20))))
        sender.finish()
        let response = try await answer
        #expect(response.status == .unauthorized)
        #expect(response.headers.first(name: "content-type") == "application/problem+json")
        _ = try await response.body.collect(upTo: 1 << 16)
    }

    /// What a browser sends along once it has asked for a token.
    private func csrfHeaders(_ url: String) async throws -> HTTPHeaders {
        struct Answer: Decodable { let csrfToken: String }
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
        let answer = try WireJSON.decoder().decode(Answer.self, from: Data(buffer: try await response.body.collect(upTo: 1 << 16)))
        let cookie = try #require(response.headers.first(name: "set-cookie")?.split(separator: ";").first)
        return ["cookie": String(cookie), "x-csrf-token": answer.csrfToken]
    }

    /// Nil when nobody answers.
    private func status(of url: String) async -> UInt? {
        let response = try? await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
        _ = try? await response?.body.collect(upTo: 1 << 20)
        return response?.status.code
    }

    private func text(of url: String) async -> String {
        guard let response = try? await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(5)),
            let body = try? await response.body.collect(upTo: 1 << 20)
        else { return "" }
        return String(buffer: body)
    }
}
