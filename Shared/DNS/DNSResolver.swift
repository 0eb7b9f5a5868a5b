import Primitives
import Synchronization

/// Questions to DNS. Every question ends in bounded time, with an answer or with the reason why there is none.
public struct DNSResolver: Sendable {
    private let ask: @Sendable (String, DNSRecordType) async -> DNSAnswer

    /// `ask` gets normalised names only.
    public init(_ ask: @escaping @Sendable (String, DNSRecordType) async -> DNSAnswer) {
        self.ask = ask
    }

    /// Asks the system's resolver, or `server`, over libresolv on `threads` threads. Each try takes at most `seconds`, doubled with each further
    /// one; there are `attempts` of them.
    public static func live(server: DNSServerAddress? = nil, threads: Int = 4, seconds: Int = 2, attempts: Int = 2) -> DNSResolver {
        let pool = DNSPool(server: server, threads: threads, limits: .init(seconds: seconds, attempts: attempts))
        return DNSResolver { name, type in await pool.ask(name, type) }
    }

    /// A name that is none has no records.
    public func query(_ name: String, _ type: DNSRecordType) async -> DNSAnswer {
        guard let normalized = DNSName.normalized(name) else { return DNSAnswer(.noSuchDomain) }
        return await ask(normalized, type)
    }
}

/// Hands each question to the thread with the fewest; a full house takes no more.
final class DNSPool: Sendable {
    private static let mostWaiting = 256

    private let threads: [DNSThread]
    private let load: Mutex<[Int]>

    init(server: DNSServerAddress?, threads count: Int, limits: DNSLimits) {
        precondition(count > 0, "somebody must ask")
        threads = (0..<count).map { DNSThread(number: $0, server: server, limits: limits) }
        load = Mutex(Array(repeating: 0, count: count))
    }

    func ask(_ name: String, _ type: DNSRecordType) async -> DNSAnswer {
        let chosen = load.withLock { load -> Int? in
            guard load.reduce(0, +) < Self.mostWaiting, let least = load.indices.min(by: { load[$0] < load[$1] }) else { return nil }
            load[least] += 1
            return least
        }
        guard let chosen else { return DNSAnswer(.failed(.overloaded)) }
        let answer = await threads[chosen].ask(name, type)
        load.withLock { $0[chosen] -= 1 }
        return answer
    }
}
