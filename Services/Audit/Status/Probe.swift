import AsyncHTTPClient
import Contracts
import Foundation
import NIOCore
import NIOHTTP1
import Postgres
import RPC
import ServiceRuntime
import Streams

/// One way of finding out how a part fares; throws when it does not work at all.
struct Probe: Sendable {
    let name: String
    let look: @Sendable (HTTPClient) async throws -> Sample.Health

    /// Every part that is shown. Inbox and webhooks have nothing to look at yet: they stay unknown and count for nothing.
    static let names = StatusPart.all.map(\.name)

    static func all(for house: House) -> [Probe] {
        let peers = ServiceName.allCases.filter { $0 != house.service }.map { house.settings["\($0.rawValue).rpc.url"] }
        var probes = [
            Probe(name: "api") { client in
                var ready = 0
                for peer in peers where await answers("\(peer)/readyz", client) { ready += 1 }
                return ready == peers.count ? .good : ready == 0 ? .bad : .impaired
            },
            Probe(name: "smtp") { [delivery = house.peer(.delivery)] _ in
                let health = try await delivery.call(DeliveryRPC.ReadTransportHealth())
                guard health.unreachable > 0 else { return .good }
                return health.unreachable > health.answered ? .bad : .impaired
            },
            database(house.api),
            Probe(name: "redis") { [redis = house.redis] _ in
                let connection = try await RedisConnection.connect(redis)
                _ = try await connection.command(["PING"])
                await connection.close()
                return .good
            },
        ]
        let gateway = house.settings["gateway.url"]
        if !gateway.isEmpty {
            probes.append(Probe(name: "dashboard") { client in await answers("\(gateway)/", client) ? .good : .bad })
        }
        return probes
    }

    /// Whether the database answers at all.
    static func database(_ database: Database) -> Probe {
        Probe(name: "database") { _ in
            _ = try await database.query("select 1 as one")
            return .good
        }
    }

    private static func answers(_ url: String, _ client: HTTPClient) async -> Bool {
        guard let response = try? await client.execute(HTTPClientRequest(url: url), timeout: .seconds(3)) else { return false }
        _ = try? await response.body.collect(upTo: 1 << 20)
        return response.status.code == 200
    }
}
