import Contracts
import Foundation
import Postgres
import Primitives

/// What a relay does while it holds the lock and both lines stand.
///
/// The epoch tells one life of Redis from the next. Every publication reads it in the same MULTI as it writes: when it is not the one
/// that Postgres knows (FLUSHALL, another Redis), everything that readers have not acknowledged is published again.
struct RelaySession {
    private let service: ServiceName
    private let postgres: PostgresConnection
    private let redis: RedisConnection
    private let metrics = OutboxMetrics()
    private static let batch = 500

    private var stream: String { service.eventStream }
    private var epochKey: String { "epoch:\(stream)" }

    init(service: ServiceName, postgres: PostgresConnection, redis: RedisConnection) {
        self.service = service
        self.postgres = postgres
        self.redis = redis
    }

    /// A restarted Redis may have lost its last second although the epoch survived: another run is another epoch.
    func begin() async throws {
        try await postgres.query("insert into outbox_relay (singleton) values (true) on conflict do nothing")
        let row = try await postgres.query("select epoch, redis_run_id from outbox_relay")[0]
        let known: UUID? = try row.decodeOptional("epoch")
        let knownRun: String? = try row.decodeOptional("redis_run_id")
        let run = try await redis.serverRunIdentifier()
        let present = try await redis.command(["GET", epochKey]).string
        if known == nil || present != known?.uuidString || knownRun != run { try await startEpoch(run: run) }
    }

    /// Publishes up to 500 rows; the number says whether there may be more.
    func publish() async throws -> Int {
        let rows = try await postgres.query(
            "select id, type, body from outbox where published_at is null order by id limit \(Self.batch)")
        guard !rows.isEmpty else { return 0 }
        let epoch = try await currentEpoch()
        var commands = [["MULTI"], ["GET", epochKey]]
        var identifiers: [UUID] = []
        for row in rows {
            let identifier: UUID = try row.decode("id")
            identifiers.append(identifier)
            commands.append([
                "XADD", stream, "*", "id", identifier.text, "type", try row.decode("type"), "body", try row.decode("body"),
            ])
        }
        let answers = try await execute(commands)
        guard answers.first?.string == epoch.uuidString else {
            try await startEpoch(run: try await redis.serverRunIdentifier())
            return rows.count
        }
        let positions = answers.dropFirst().compactMap { StreamPosition($0.string) }
        guard positions.count == identifiers.count else {
            throw RedisError(.server, message: "XADD failed: \(answers.first { $0.string == nil }.map { "\($0)" } ?? "")")
        }
        try await postgres.query(
            """
            update outbox o set published_at = now(), epoch = \(epoch), stream_ms = p.ms, stream_seq = p.seq
            from unnest(\(identifiers), \(positions.map(\.milliseconds)), \(positions.map(\.sequence))) as p (id, ms, seq) where o.id = p.id
            """)
        // Identifiers hold their instants and come in their order: the first is the oldest.
        metrics.published(positions.count, after: identifiers.first?.v7Instant.map { Date.now.timeIntervalSince($0) })
        return rows.count
    }

    /// Deletes the rows that every reader has acknowledged, and trims the stream below them.
    func acknowledge() async throws {
        let epoch = try await currentEpoch()
        let subscribers = service.subscribers.map(\.rawValue)
        let answers = try await execute(
            [["MULTI"], ["GET", epochKey], ["XINFO", "GROUPS", stream]] + subscribers.map { ["XPENDING", stream, $0] })
        guard answers.first?.string == epoch.uuidString else {
            try await startEpoch(run: try await redis.serverRunIdentifier())
            return
        }
        guard let mark = Self.lowWaterMark(groups: answers[1], pending: Array(answers.dropFirst(2)), subscribers: subscribers) else {
            try await createGroups()
            return
        }
        try await forget(upTo: mark, epoch: epoch)
    }

    /// The highest place that everybody has behind them; nil when a reader's group is missing.
    static func lowWaterMark(groups: RedisValue, pending: [RedisValue], subscribers: [String]) -> StreamPosition? {
        var delivered: [String: StreamPosition] = [:]
        for group in groups.array ?? [] {
            let fields = group.array ?? []
            let pairs = stride(from: 0, to: fields.count - 1, by: 2).map { (fields[$0].string ?? "", fields[$0 + 1]) }
            guard let name = pairs.first(where: { $0.0 == "name" })?.1.string else { continue }
            delivered[name] = StreamPosition(pairs.first { $0.0 == "last-delivered-id" }?.1.string)
        }
        var mark = StreamPosition(milliseconds: .max, sequence: .max)
        for (index, subscriber) in subscribers.enumerated() {
            guard var position = delivered[subscriber] else { return nil }
            if index < pending.count, let first = StreamPosition(pending[index].array?.dropFirst().first?.string) {
                position = min(position, first.predecessor)
            }
            mark = min(mark, position)
        }
        return mark
    }

    private func forget(upTo mark: StreamPosition, epoch: UUID) async throws {
        var deleted: Int
        repeat {
            deleted = try await postgres.query(
                """
                delete from outbox where id in (
                    select id from outbox where published_at is not null and epoch = \(epoch)
                      and (stream_ms, stream_seq) <= (\(mark.milliseconds), \(mark.sequence))
                    order by stream_ms, stream_seq limit 5000)
                """
            ).affected
        } while deleted == 5_000
        guard !service.subscribers.isEmpty else { return }
        try await postgres.query(
            """
            update outbox_relay set acknowledged_ms = \(mark.milliseconds), acknowledged_seq = \(mark.sequence)
            where (acknowledged_ms, acknowledged_seq) < (\(mark.milliseconds), \(mark.sequence))
            """)
        try await redis.command(["XTRIM", stream, "MINID", mark.description])
    }

    /// Marks everything as unpublished, makes the readers' groups, and puts the new epoch into Redis last: a crash in between starts over.
    private func startEpoch(run: String) async throws {
        let epoch = UUID()
        try await postgres.pipeline([
            "begin",
            "update outbox set published_at = null, epoch = null, stream_ms = null, stream_seq = null where published_at is not null",
            "update outbox_relay set epoch = \(epoch), redis_run_id = \(run), acknowledged_ms = 0, acknowledged_seq = 0",
            "commit",
        ])
        try await createGroups()
        try await redis.command(["SET", epochKey, epoch.uuidString])
    }

    private func createGroups() async throws {
        for subscriber in service.subscribers {
            try await redis.createGroup(subscriber.rawValue, on: stream)
        }
    }

    private func currentEpoch() async throws -> UUID {
        guard let epoch: UUID = try await postgres.query("select epoch from outbox_relay")[0].decodeOptional("epoch") else {
            throw RedisError(.server, message: "no epoch has begun")
        }
        return epoch
    }

    /// Runs a MULTI and gives the answers of its EXEC.
    private func execute(_ commands: [[String]]) async throws(RedisError) -> [RedisValue] {
        let answers = try await redis.pipeline(commands + [["EXEC"]])
        guard let results = answers.last?.array else {
            throw RedisError(.server, message: "EXEC failed: \(answers.last.map { "\($0)" } ?? "")")
        }
        return results
    }
}

extension RedisConnection {
    /// Makes a consumer group that starts at the stream's beginning, unless it is there.
    func createGroup(_ group: String, on stream: String) async throws(RedisError) {
        do throws(RedisError) {
            try await command(["XGROUP", "CREATE", stream, group, "0", "MKSTREAM"])
        } catch {
            guard error.code == .server, error.message.hasPrefix("BUSYGROUP") else { throw error }
        }
    }
}
