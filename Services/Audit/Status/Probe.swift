import AsyncHTTPClient
import Contracts
import Foundation
import NIOCore
import NIOHTTP1
import Postgres
import RPC
import ServiceRuntime
import Streams
import Synchronization

/// One way of finding out how a part fares.
struct Probe: Sendable {
    /// A look that takes longer has failed, whatever becomes of it.
    static let deadline = Duration.seconds(2)

    let name: String
    /// Nil when nothing can be said of the part: it is shown as unknown then. Throws when it does not work at all.
    let look: @Sendable (HTTPClient) async throws -> Sample.Health?
    /// What a look means that threw or took too long; nil when the part may not be there at all.
    var failure: @Sendable () -> Sample.Health? = { .bad }

    /// Every part that is shown.
    static let names = StatusPart.all.map(\.name)

    static func all(for house: House) -> [Probe] {
        let peers = ServiceName.allCases.filter { $0 != house.service }.map { house.settings["\($0.rawValue).rpc.url"] }
        let deliveryAddress = house.settings["delivery.rpc.url"]
        var probes = [
            api(peers),
            Probe(name: "smtp") { [delivery = house.peer(.delivery)] _ in
                let health = try await delivery.call(DeliveryRPC.ReadTransportHealth())
                guard health.unreachable > 0 else { return .good }
                return health.unreachable > health.answered ? .bad : .impaired
            },
            database(house.workerPostgres), redis(house.redis), part("inbox", of: deliveryAddress), part("webhooks", of: deliveryAddress),
        ]
        let gateway = house.settings["gateway.url"]
        if !gateway.isEmpty { probes.append(dashboard("\(gateway)/")) }
        return probes
    }

    /// Whether the services that answer people are ready; all are asked at once, so that one that hangs does not speak for the others.
    static func api(_ peers: [String]) -> Probe {
        Probe(name: "api") { client in
            let found = await withTaskGroup(of: Sample.Health.self, returning: [Sample.Health].self) { group in
                for peer in peers {
                    group.addTask { (try? await PeerReadiness.read(peer, client))?.health ?? .bad }
                }
                var found: [Sample.Health] = []
                for await health in group { found.append(health) }
                return found
            }
            return Sample.Health.together(found)
        }
    }

    /// Whether the database takes a new session and answers in it: a pool that is busy, or a line of it that hangs, says nothing about that.
    static func database(_ configuration: PostgresConfiguration) -> Probe {
        var hasty = configuration
        hasty.connectTimeout = deadline
        hasty.statementTimeout = deadline
        return Probe(name: "database") { [hasty] _ in
            let connection = try await PostgresConnection.connect(hasty)
            _ = try await connection.query("select 1 as one")
            await connection.close()
            return .good
        }
    }

    static func redis(_ configuration: RedisConfiguration) -> Probe {
        var hasty = configuration
        hasty.connectTimeout = deadline
        hasty.commandTimeout = deadline
        return Probe(name: "redis") { [hasty] _ in
            let connection = try await RedisConnection.connect(hasty)
            _ = try await connection.command(["PING"])
            await connection.close()
            return .good
        }
    }

    /// What the service at `peer` says of a part that only it knows. One that it never named has nothing to look at and stays unknown; one that it
    /// did name fails with it.
    static func part(_ name: String, of peer: String) -> Probe {
        let memory = PartMemory()
        return Probe(
            name: name,
            look: { client in
                let health = try await PeerReadiness.read(peer, client).health(of: name)
                memory.remember(health)
                return health
            }, failure: { memory.wasNamed ? .bad : nil })
    }

    private static func dashboard(_ url: String) -> Probe {
        Probe(name: "dashboard") { client in
            let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(2))
            _ = try await response.body.collect(upTo: 1 << 20)
            return response.status.code == 200 ? .good : .bad
        }
    }
}

/// Whether a part was named when its service was last asked.
private final class PartMemory: Sendable {
    private let named = Mutex(false)

    func remember(_ health: Sample.Health?) {
        named.withLock { $0 = health != nil }
    }

    var wasNamed: Bool { named.withLock { $0 } }
}
