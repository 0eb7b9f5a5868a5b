public import Contracts
import Foundation
public import Logging
public import Postgres
public import ServiceLifecycle

/// Reads another service's events, each with effect once, in the order of the stream.
///
/// The event's id is recorded in the transaction of its effect and acknowledged after the commit, so a crash anywhere repeats at most
/// what changes nothing.
public struct EventConsumer: Service {
    /// Gets the events that are new, in order, and the transaction in which their effect must happen.
    public typealias Handler = @Sendable ([ReceivedEvent], Transaction) async throws -> Void

    private let source: ServiceName
    private let redis: RedisConfiguration
    private let intake: EventIntake
    private let group: String
    private let consumer: String
    private let batch: Int
    private let logger: Logger

    /// `instance` names this replica, the same after a restart; `database` is the `_worker` role; `batch` is how many have their effect in one
    /// transaction.
    public init(
        reader: ServiceName, source: ServiceName, instance: String, database: Database, redis: RedisConfiguration, batch: Int = 100,
        logger: Logger, handle: @escaping Handler
    ) {
        self.source = source
        self.redis = redis
        self.batch = batch
        self.logger = logger
        group = reader.rawValue
        consumer = "\(reader.rawValue)-\(instance)"
        intake = EventIntake(source: source, database: database, logger: logger, handle: handle)
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "reading \(source.eventStream)", logger: logger)
            while !Task.isCancelled {
                do {
                    try await read { outage.ended() }
                } catch {
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
        }
    }

    /// What this replica took and did not acknowledge comes first; then what is new, and now and then what the dead left behind.
    private func read(_ working: () -> Void) async throws {
        let connection = try await RedisConnection.connect(redis)
        try await connection.createGroup(group, on: source.eventStream)
        while try await take(connection, from: "0") > 0 {}
        var claimedAt = ContinuousClock.now
        var prunedAt: ContinuousClock.Instant?
        var ahead: [IntakeEntry] = []
        while !Task.isCancelled {
            let entries = ahead.isEmpty ? try await next(connection, from: ">", waiting: true) : ahead
            // Behind a full batch there is more: it is read and decoded while the database is busy with this one.
            async let following = entries.count == batch ? next(connection, from: ">", waiting: false) : []
            try await settle(entries, connection)
            ahead = try await following
            working()
            if ContinuousClock.now - claimedAt > .seconds(5) {
                try await claimFromTheDead(connection)
                claimedAt = .now
            }
            if prunedAt.map({ ContinuousClock.now - $0 > .seconds(3_600) }) ?? true {
                try await intake.prune()
                prunedAt = .now
            }
        }
        await connection.close()
    }

    private func take(_ connection: RedisConnection, from position: String) async throws -> Int {
        let entries = try await next(connection, from: position, waiting: true)
        try await settle(entries, connection)
        return entries.count
    }

    /// What is taken and not settled, whatever goes wrong, is what this replica begins with next time.
    private func next(_ connection: RedisConnection, from position: String, waiting: Bool) async throws -> [IntakeEntry] {
        let answer: RedisValue
        do throws(RedisError) {
            answer = try await connection.command(
                ["XREADGROUP", "GROUP", group, consumer, "COUNT", "\(batch)"] + (waiting ? ["BLOCK", "1000"] : [])
                    + ["STREAMS", source.eventStream, position])
        } catch {
            guard error.message.hasPrefix("NOGROUP") else { throw error }
            try await connection.createGroup(group, on: source.eventStream)
            return []
        }
        return Self.entries(answer.array?.first?.array?.dropFirst().first)
    }

    private static func entries(_ value: RedisValue?) -> [IntakeEntry] {
        (value?.array ?? []).compactMap(StreamEntry.init).map(IntakeEntry.init)
    }

    private func claimFromTheDead(_ connection: RedisConnection) async throws {
        let answer = try await connection.command(["XAUTOCLAIM", source.eventStream, group, consumer, "15000", "0-0", "COUNT", "\(batch)"])
        try await settle(Self.entries(answer.array?.dropFirst().first), connection)
    }

    private func settle(_ entries: [IntakeEntry], _ connection: RedisConnection) async throws {
        guard !entries.isEmpty else { return }
        try await intake.take(entries)
        try await connection.command(["XACK", source.eventStream, group] + entries.map(\.position))
    }
}

/// One entry of an event stream; without fields when it was trimmed meanwhile.
struct StreamEntry: Sendable {
    let position: String
    let fields: [String: [UInt8]]

    init?(_ value: RedisValue) {
        guard let parts = value.array, let position = parts.first?.string else { return nil }
        self.position = position
        var fields: [String: [UInt8]] = [:]
        let flat = parts.dropFirst().first?.array ?? []
        for index in stride(from: 0, to: flat.count - 1, by: 2) {
            if let name = flat[index].string, case .text(let bytes) = flat[index + 1] { fields[name] = bytes }
        }
        self.fields = fields
    }
}
