import DNS
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams
import Synchronization

/// Learns which provider takes the mail of a domain, from its MX, beside the sending: whoever meets a domain notes it and goes on.
///
/// What is noted waits in memory, at most ``most`` of it, and is asked a few at a time. What is forgotten is noted again with the next mail; a
/// domain that nobody has asked about yet stands for itself.
final class DestinationLookups: Service {
    /// How many domains wait at most.
    static let most = 10_000
    static let batch = 64
    private static let atOnce = 8
    /// An MX that a provider has stays there for years.
    static let validity: TimeInterval = 7 * 86_400
    /// When DNS did not say.
    static let doubt: TimeInterval = 3_600
    /// What nobody has written to for so long is forgotten.
    static let kept: TimeInterval = 60 * 86_400

    private struct Answer: Sendable {
        let domain: String
        let provider: String?
        /// False when DNS did not say.
        let isKnown: Bool
    }

    private let database: Database
    private let resolver: DNSResolver
    private let clock: WallClock
    private let logger: Logger
    private let waiting = Mutex<Set<String>>([])
    private let wakeup = Wakeup()

    init(database: Database, resolver: DNSResolver, clock: WallClock, logger: Logger) {
        self.database = database
        self.resolver = resolver
        self.clock = clock
        self.logger = logger
    }

    /// Returns at once; what there is no room for is dropped.
    func note(_ destinations: some Sequence<String>) {
        let names = destinations.filter(DestinationProvider.mayBeHosted)
        guard !names.isEmpty else { return }
        let hasNew = waiting.withLock { waiting in
            var hasNew = false
            for name in names where waiting.count < Self.most && waiting.insert(name).inserted { hasNew = true }
            return hasNew
        }
        if hasNew { wakeup.signal() }
    }

    func run() async throws {
        await repeatWork(
            "learning whose servers take whose mail", logger: logger, rest: { [wakeup] in await wakeup.wait(atMost: .seconds(30)) },
            step: { [self] in try await step() })
    }

    /// Looks up a batch of what waits; false when nothing does.
    func step() async throws -> Bool {
        let names = waiting.withLock { Array($0.prefix(Self.batch)) }
        guard !names.isEmpty else { return false }
        let now = clock.now
        let known = try await database.query("select domain from destination_providers where domain = any(\(names)) and expires_at > \(now)")
            .map { try $0.decode("domain", as: String.self) }
        let answers = await look(at: Set(names).subtracting(known))
        try await write(answers, now: now)
        // Only now: what could not be written is looked at again.
        waiting.withLock { $0.subtract(names) }
        return true
    }

    /// Whoever is ended meanwhile does not wait for the answer.
    private func ask(_ name: String) async -> DNSAnswer {
        let (answers, continuation) = AsyncStream.makeStream(of: DNSAnswer.self)
        let resolver = resolver
        Task {
            continuation.yield(await resolver.query(name, .mx))
            continuation.finish()
        }
        for await answer in answers { return answer }
        return DNSAnswer(.failed(.timeout))
    }

    private func look(at names: Set<String>) async -> [Answer] {
        await withTaskGroup(of: Answer.self) { group in
            var rest = names.makeIterator()
            func next() {
                guard let name = rest.next() else { return }
                group.addTask { [self] in
                    guard let records = try? await ask(name).records() else { return Answer(domain: name, provider: nil, isKnown: false) }
                    let servers = records.compactMap { record -> (preference: Int, host: String)? in
                        if case .mailServer(let preference, let host) = record { (preference, host) } else { nil }
                    }.sorted { ($0.preference, $0.host) < ($1.preference, $1.host) }
                    return Answer(domain: name, provider: DestinationProvider.of(servers: servers.map(\.host)), isKnown: true)
                }
            }
            for _ in 0..<Self.atOnce { next() }
            var found: [Answer] = []
            while let answer = await group.next() {
                found.append(answer)
                next()
            }
            return found
        }
    }

    /// An answer that did not come leaves what was known.
    private func write(_ answers: [Answer], now: Date) async throws {
        // Replicas that write side by side lock in one order.
        let sorted = answers.sorted { $0.domain < $1.domain }
        let (known, unknown) = (sorted.filter(\.isKnown), sorted.filter { !$0.isKnown })
        if !known.isEmpty {
            try await database.query(
                """
                insert into destination_providers (domain, provider, looked_up_at, expires_at)
                select n.domain, n.provider, \(now)::timestamptz, \(now.addingTimeInterval(Self.validity))::timestamptz
                from unnest(\(known.map(\.domain)), \(PostgresOptionals(known.map(\.provider)))) as n (domain, provider)
                on conflict (domain) do update set provider = excluded.provider, looked_up_at = excluded.looked_up_at, expires_at = excluded.expires_at
                """)
        }
        if !unknown.isEmpty {
            try await database.query(
                """
                insert into destination_providers (domain, looked_up_at, expires_at)
                select n.domain, \(now)::timestamptz, \(now.addingTimeInterval(Self.doubt))::timestamptz from unnest(\(unknown.map(\.domain))) as n (domain)
                on conflict (domain) do update set expires_at = excluded.expires_at
                """)
        }
    }

    /// Forgets domains that nobody writes to any more.
    func forget() async throws {
        while try await database.query(
            """
            delete from destination_providers where domain in (
                select domain from destination_providers where expires_at < \(clock.now.addingTimeInterval(-Self.kept)) order by expires_at limit 5000)
            """
        ).affected >= 5_000 {}
    }
}
