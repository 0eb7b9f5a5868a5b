import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Asks the running service of this machine whether it is ready, as a container's health check does, which has no other program for it.
enum ReadinessProbe {
    /// Nil when it is; else why not.
    static func refusal(port: String) async -> String? {
        do {
            let answer = try await HTTPClient.shared.execute(HTTPClientRequest(url: "http://127.0.0.1:\(port)/readyz"), timeout: .seconds(4))
            if answer.status == .ok { return nil }
            return "answers \(answer.status.code): \(String(buffer: try await answer.body.collect(upTo: 4_096)))"
        } catch {
            return "cannot be asked: \(error)"
        }
    }
}
