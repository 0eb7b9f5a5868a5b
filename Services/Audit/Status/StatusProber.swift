import AsyncHTTPClient
import Foundation
import Logging
import NIOSSL
import Primitives
import ServiceLifecycle

/// Looks at every part again and again, each at its own pace.
struct StatusProber: Service {
    let board: StatusBoard
    let probes: [Probe]
    let interval: Duration
    /// A PEM file of further authorities; empty for none.
    let certificates: String
    let clock: WallClock
    let logger: Logger
    var deadline: Duration = Probe.deadline

    func run() async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        if !certificates.isEmpty { tls.additionalTrustRoots = [.file(certificates)] }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for probe in probes {
                    group.addTask { await watch(probe, client) }
                }
            }
        }
        try await client.shutdown()
    }

    /// Each part by itself: one that hangs has failed, and the others stay fresh.
    private func watch(_ probe: Probe, _ client: HTTPClient) async {
        let bounded = BoundedLook(probe, deadline: deadline)
        while !Task.isCancelled {
            let finding = await bounded.look(client)
            // What was broken off by our own end says nothing about the part.
            guard !Task.isCancelled else { return }
            if let finding { board.add(Sample(health: finding.health, latency: finding.latency, at: clock.now), to: probe.name) }
            try? await Task.sleep(for: interval)
        }
    }
}
