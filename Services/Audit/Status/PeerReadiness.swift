import AsyncHTTPClient
import Contracts
import Foundation
import NIOCore

/// What a service says of itself at `/readyz`, also when it is not ready.
struct PeerReadiness: Decodable {
    /// Less than a probe may take, so that one service that hangs is that one's failure and not the whole look's.
    private static let timeout = TimeAmount.milliseconds(1_500)

    var checks: [String: Bool]
    /// The parts of the public status that only this service knows; missing in one that has none.
    var parts: [String: String]?

    static func read(_ peer: String, _ client: HTTPClient) async throws -> PeerReadiness {
        let response = try await client.execute(HTTPClientRequest(url: "\(peer)/readyz"), timeout: timeout)
        let body = try await response.body.collect(upTo: 1 << 20)
        return try WireJSON.decoder().decode(PeerReadiness.self, from: Data(body.readableBytesView))
    }

    /// Without Redis everything is answered: only what one service tells the others comes later.
    var health: Sample.Health {
        let failed = checks.filter { !$0.value }
        if failed.isEmpty { return .good }
        return failed.keys.allSatisfy { $0 == "redis" } ? .impaired : .bad
    }

    /// Nil for a part that is not named, or of which something is said that nobody here understands.
    func health(of part: String) -> Sample.Health? {
        parts?[part].flatMap(Sample.Health.init(rawValue:))
    }
}

extension Sample.Health {
    /// How all of them fare as one.
    static func together(_ all: [Sample.Health]) -> Sample.Health {
        if all.allSatisfy({ $0 == .good }) { return .good }
        return all.allSatisfy { $0 == .bad } ? .bad : .impaired
    }
}
