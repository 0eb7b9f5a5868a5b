import Contracts
import Foundation
import Streams

/// The Redis side of the work queues, as a worker sees it.
struct WorkStreams: Sendable {
    /// One group for all workers of all replicas.
    static let group = "workers"

    struct Entry: Sendable {
        let place: StreamEntryPlace
        let claim: Claim
    }

    /// The worker's name; the same after a restart, so that what its predecessor had taken comes back first.
    let consumer: String
    /// Those it works on; the first goes first.
    let queues: [WorkQueue]

    /// Makes the groups; needed at the start and after Redis was emptied.
    func prepare(_ connection: RedisConnection) async throws(RedisError) {
        for queue in queues {
            do throws(RedisError) {
                try await connection.command(["XGROUP", "CREATE", queue.rawValue, Self.group, "0", "MKSTREAM"])
            } catch {
                guard error.message.hasPrefix("BUSYGROUP") else { throw error }
            }
        }
    }

    /// What this worker's predecessor took and did not acknowledge.
    func leftovers(_ connection: RedisConnection) async throws(RedisError) -> [Entry] {
        try await read(connection, queues, count: 1_000, block: nil, from: "0")
    }

    /// Up to `count` new entries of each stream, the first stream's first, or of that stream `onlyFirst`; waits up to `wait` milliseconds for
    /// one. None when Redis was emptied.
    func next(_ count: Int, onlyFirst: Bool = false, wait: Int = 1_000, _ connection: RedisConnection) async throws(RedisError) -> [Entry] {
        do throws(RedisError) {
            return try await read(connection, onlyFirst ? Array(queues.prefix(1)) : queues, count: count, block: wait, from: ">")
        } catch {
            guard error.message.hasPrefix("NOGROUP") else { throw error }
        }
        try await prepare(connection)
        return []
    }

    /// Removes what workers left behind that are no more; Postgres' leases decide about the jobs.
    func dropAbandoned(_ connection: RedisConnection, idle: Duration) async throws(RedisError) {
        for queue in queues {
            let milliseconds = idle.components.seconds * 1_000
            let answer = try await connection.command([
                "XAUTOCLAIM", queue.rawValue, Self.group, consumer, "\(milliseconds)", "0-0", "COUNT", "100", "JUSTID",
            ])
            let positions = answer.array?.dropFirst().first?.array?.compactMap(\.string) ?? []
            guard !positions.isEmpty else { continue }
            _ = try await connection.pipeline([["XACK", queue.rawValue, Self.group] + positions, ["XDEL", queue.rawValue] + positions])
        }
    }

    /// Removes entries that are dealt with.
    func acknowledge(_ places: [StreamEntryPlace], _ connection: RedisConnection) async throws(RedisError) {
        guard !places.isEmpty else { return }
        _ = try await connection.pipeline(Self.acknowledgement(of: places))
    }

    /// The commands that remove entries.
    static func acknowledgement(of places: [StreamEntryPlace]) -> [[String]] {
        Dictionary(grouping: places) { $0.stream }.flatMap { stream, places in
            [["XACK", stream, group] + places.map(\.position), ["XDEL", stream] + places.map(\.position)]
        }
    }

    private func read(
        _ connection: RedisConnection, _ queues: [WorkQueue], count: Int, block: Int?, from position: String
    ) async throws(RedisError) -> [Entry] {
        let names = queues.map(\.rawValue)
        let wait = block.map { ["BLOCK", "\($0)"] } ?? []
        let command =
            ["XREADGROUP", "GROUP", Self.group, consumer, "COUNT", "\(count)"] + wait + ["STREAMS"] + names + names.map { _ in position }
        let answer = try await connection.command(command)
        return (answer.array ?? []).flatMap { stream -> [Entry] in
            guard let parts = stream.array, let name = parts.first?.string else { return [] }
            return (parts.dropFirst().first?.array ?? []).compactMap { Self.entry($0, stream: name) }
        }
    }

    private static func entry(_ value: RedisValue, stream: String) -> Entry? {
        guard let parts = value.array, let position = parts.first?.string else { return nil }
        let fields = parts.dropFirst().first?.array?.compactMap(\.string) ?? []
        var named: [String: String] = [:]
        for index in stride(from: 0, to: fields.count - 1, by: 2) { named[fields[index]] = fields[index + 1] }
        // An entry without a job is not ours; a nil job finds nothing, and the entry is removed.
        return Entry(
            place: StreamEntryPlace(stream: stream, position: position),
            claim: Claim(job: named["job"].flatMap { UUID(text: $0) } ?? UUID(), fence: named["fence"].flatMap(Int64.init) ?? -1))
    }
}
