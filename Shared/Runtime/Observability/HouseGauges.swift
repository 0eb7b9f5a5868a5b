import Contracts
import Foundation
import Metrics
import Postgres
import Primitives
import Streams

/// What every service has to tell of what lies in its database, in Redis and in its files: the outbox, the streams it reads, its keys.
struct HouseGauges: Sendable {
    static let descriptions: [MetricDescription] = [
        .gauge("outbox_events", "state", help: "Rows of the outbox, up to 20,000: unpublished, and published but not yet read by everybody."),
        .gauge(
            "outbox_oldest_seconds", "state",
            help: "Age of the oldest such row: since its instant while it is unpublished, since its publication afterwards; 0 without one."),
        .gauge("events_unread", "source", help: "Events of another service that this one has not been given yet."),
        .gauge("events_unacknowledged", "source", help: "Events of another service that this one was given and has not acknowledged."),
        .gauge("key_file_modified_timestamp_seconds", "key", help: "When a key file was last changed: token, public_keys, encryption."),
        .gauge("service_info", "service", "replica", help: "1: which service and which replica this is."),
    ]

    /// No more rows are counted: whoever reads the gauge needs no more to know.
    static let cap = 20_000

    let service: ServiceName
    let instance: String
    let database: Database
    let redis: RedisClient
    /// The label of each key file, and where it lies.
    let keyFiles: [(key: String, path: String)]

    func sample() async throws {
        set("service_info", 1, ("service", service.rawValue), ("replica", instance))
        for (key, path) in keyFiles {
            guard let changed = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date else { continue }
            set("key_file_modified_timestamp_seconds", changed.timeIntervalSince1970, ("key", key))
        }
        try await outbox()
        for source in ServiceName.allCases where source.subscribers.contains(service) { try await stream(of: source) }
    }

    private func outbox() async throws {
        let row = try await database.query(
            """
            select (select count(*) from (select from outbox where published_at is null limit \(Self.cap)) u) as unpublished,
                (select count(*) from (select from outbox where published_at is not null limit \(Self.cap)) p) as unread,
                coalesce((select extract(epoch from now() - o.occurred_at)::float8 from outbox o where o.published_at is null
                    order by o.id limit 1), 0) as unpublished_age,
                coalesce((select extract(epoch from now() - o.published_at)::float8 from outbox o where o.published_at is not null
                    order by o.stream_ms, o.stream_seq limit 1), 0) as unread_age
            """)[0]
        show("unpublished", events: try row.decode("unpublished"), age: try row.decode("unpublished_age"))
        show("unread", events: try row.decode("unread"), age: try row.decode("unread_age"))
    }

    private func show(_ state: String, events: Int, age: Double) {
        set("outbox_events", Double(events), ("state", state))
        set("outbox_oldest_seconds", max(0, age), ("state", state))
    }

    private func stream(of source: ServiceName) async throws {
        let groups: RedisValue
        do throws(RedisError) {
            groups = try await redis.command(["XINFO", "GROUPS", source.eventStream])
        } catch {
            // No stream yet: nobody has said anything.
            guard error.code == .server, error.message.hasPrefix("ERR no such key") else { throw error }
            return
        }
        guard let lag = try await Self.lag(of: service.rawValue, in: groups, length: { try await length(of: source) }) else { return }
        set("events_unread", Double(lag.unread), ("source", source.rawValue))
        set("events_unacknowledged", Double(lag.unacknowledged), ("source", source.rawValue))
    }

    private func length(of source: ServiceName) async throws -> Int64 {
        try await redis.command(["XLEN", source.eventStream]).integer ?? 0
    }

    /// From the answer to XINFO GROUPS; nil without such a group. Redis does not always know how far behind a reader is: then it is the whole stream.
    static func lag(
        of group: String, in groups: RedisValue, length: () async throws -> Int64
    ) async rethrows -> (unread: Int64, unacknowledged: Int64)? {
        for entry in groups.array ?? [] {
            let flat = entry.array ?? []
            var fields: [String: RedisValue] = [:]
            for index in stride(from: 0, to: flat.count - 1, by: 2) { fields[flat[index].string ?? ""] = flat[index + 1] }
            guard fields["name"]?.string == group else { continue }
            let unread: Int64 = if let lag = fields["lag"]?.integer { lag } else { try await length() }
            return (unread, fields["pending"]?.integer ?? 0)
        }
        return nil
    }

    private func set(_ name: String, _ value: Double, _ labels: (String, String)...) {
        Meter(label: name, dimensions: labels).set(value)
    }
}
