import AsyncHTTPClient
import Foundation
import Logging
import NIOSSL
import Primitives
import ServiceLifecycle

/// Looks at every part again and again.
struct StatusProber: Service {
    let board: StatusBoard
    let probes: [Probe]
    let interval: Duration
    /// A PEM file of further authorities; empty for none.
    let certificates: String
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        if !certificates.isEmpty { tls.additionalTrustRoots = [.file(certificates)] }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await lookAtAll(client)
                try? await Task.sleep(for: interval)
            }
        }
        try await client.shutdown()
    }

    /// Side by side, so that one that hangs does not make the others stale.
    func lookAtAll(_ client: HTTPClient) async {
        await withTaskGroup(of: Void.self) { group in
            for probe in probes {
                group.addTask {
                    let start = ContinuousClock.now
                    let health = (try? await probe.look(client)) ?? .bad
                    board.add(Sample(health: health, latency: .now - start, at: clock.now), to: probe.name)
                }
            }
        }
    }
}
