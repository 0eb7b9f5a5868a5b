import Contracts
import Foundation
import Mail
import Postgres
import Primitives

/// The keys that sign now, ready to sign, by tenant and domain: loaded once for many mails, and for so short a time that every replica has seen a
/// change within a minute.
actor Signers {
    private struct Place: Hashable {
        let tenant: TenantID
        let domain: String
    }

    private struct Entry {
        /// Nil: mail of the domain goes unsigned.
        let signer: DKIMSigner?
        let loadedAt: Date
    }

    /// How long what was loaded is used.
    static let life: TimeInterval = 45

    private let limit: Int
    private let clock: WallClock
    private let load: @Sendable (TenantID, String) async throws -> DKIMSigner?
    private var entries: [Place: Entry] = [:]
    private var loading: [Place: Task<DKIMSigner?, any Error>] = [:]

    /// At most `limit` domains are held.
    init(limit: Int = 5_000, clock: WallClock, load: @escaping @Sendable (TenantID, String) async throws -> DKIMSigner?) {
        self.limit = limit
        self.clock = clock
        self.load = load
    }

    /// From the database; that the keys may sign is written there first, so that their records stay for as long as mail of theirs is about.
    init(limit: Int = 5_000, database: Database, keyring: Keyring, clock: WallClock) {
        self.init(limit: limit, clock: clock) { tenant, domain in
            let now = clock.now
            let rows = try await database.query(
                SigningKeyStore.take(
                    domain, of: tenant, until: now.addingTimeInterval(20 * Self.life), enough: now.addingTimeInterval(2 * Self.life)))
            let keys = try rows.map { row in
                let selector: String = try row.decode("selector")
                let sealed: String = try row.decode("private_key_sealed")
                let secret = try keyring.open(sealed, for: SigningKey.place(domain: domain, selector: selector, tenant: tenant))
                return try DKIMKey(selector: selector, algorithm: try row.decode("algorithm"), secret: secret)
            }
            // Most receivers know no other algorithm: to them, a mail with the other only is one with a signature that fails (RFC 8463, 5).
            guard keys.contains(where: { $0.algorithm == .rsa }) else { return nil }
            return DKIMSigner(domain: domain, keys: keys)
        }
    }

    /// Who signs the tenant's mail of this domain; nil when no key of it is in use. Throws when that cannot be known now.
    func signer(for tenant: TenantID, domain: String) async throws -> DKIMSigner? {
        let place = Place(tenant: tenant, domain: domain.lowercased())
        let now = clock.now
        if let entry = entries[place], Self.isFresh(entry, now) { return entry.signer }
        if let task = loading[place] { return try await task.value }
        let task = Task { [load] in try await load(place.tenant, place.domain) }
        loading[place] = task
        defer { loading[place] = nil }
        let signer = try await task.value
        makeRoom(now)
        // Of the time before it was read, so that it is never used too long.
        entries[place] = Entry(signer: signer, loadedAt: now)
        return signer
    }

    /// How many domains are held.
    var count: Int { entries.count }

    private func makeRoom(_ now: Date) {
        guard entries.count >= limit else { return }
        entries = entries.filter { Self.isFresh($0.value, now) }
        guard entries.count >= limit else { return }
        let old = entries.sorted { $0.value.loadedAt < $1.value.loadedAt }.prefix(max(1, limit / 4))
        for (place, _) in old { entries[place] = nil }
    }

    /// A clock that was set back does not make it live longer.
    private static func isFresh(_ entry: Entry, _ now: Date) -> Bool {
        (0..<life).contains(now.timeIntervalSince(entry.loadedAt))
    }
}
