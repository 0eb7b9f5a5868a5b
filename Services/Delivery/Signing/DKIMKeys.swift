import Contracts
import Foundation
import HTTP
import Mail
import Postgres
import Primitives
import Streams

/// Asks DNS whether the record of a key stands there as it should; throws when DNS could not be asked.
typealias DKIMLookup = @Sendable (DKIMPublication, _ domain: String) async throws -> Bool

/// Nobody asked DNS: a key stays what it was.
struct DNSNotAsked: Error {}

/// The keys that sign a tenant's mail, by the domain of the sender's address: made here, sealed, used when published, followed by others in time.
struct DKIMKeys: Sendable {
    /// Who changes keys, and from where.
    struct Author: Sendable {
        let actor: EventActor
        /// An entry for the trail that lacks what was done.
        let record: AuditRecord

        static let system = Author(actor: .system("delivery"), record: AuditRecord(action: "", targets: []))
    }

    /// Of a company; whoever has more is asked to retire some, since each costs processor time here.
    static let mostDomains: Int64 = 500
    /// Made for a domain in 24 hours.
    static let mostKeysOfADay = 20

    let database: Database
    let forge: SigningKeyForge
    let keyring: Keyring
    let policy: SigningKeyPolicy
    let isPublished: DKIMLookup
    let outbox: Outbox
    let clock: WallClock

    // MARK: - Reading

    /// What the domain has to publish: of keys to come, in use, and with mail under way.
    func publications(of tenant: TenantID, domain: String) async throws -> [DKIMPublication] {
        try await keys(of: tenant, domain: domain).filter { $0.state != .retired }.map(\.publication)
    }

    /// All keys that the domain ever had, the oldest first.
    func keys(of tenant: TenantID, domain: String) async throws -> [SigningKey] {
        try await database.query(as: tenant, SigningKeyStore.keys(of: domain.lowercased(), tenant)).map(SigningKeyStore.key)
    }

    /// Of the domains that these workspaces have or send from, or of all.
    func list(
        of tenant: TenantID, in workspaces: [WorkspaceID]? = nil, domain: String?, after start: (domain: String, selector: String)?, limit: Int
    ) async throws -> [SigningKey] {
        let statement = SigningKeyStore.list(of: tenant, in: workspaces, domain: domain?.lowercased(), after: start, limit: limit)
        return try await database.query(as: tenant, statement).map(SigningKeyStore.key)
    }

    // MARK: - Changing

    /// Gives the domain its keys, one of each algorithm; leaves alone what is there.
    func make(for domain: String, of tenant: TenantID, by author: Author) async throws -> [SigningKey] {
        try await add(to: domain.lowercased(), of: tenant, by: author, action: "signing_key.make") { keys in
            DKIMKey.Algorithm.allCases.filter { algorithm in
                !keys.contains { $0.algorithm == algorithm && ($0.state == .pending || $0.state == .active) }
            }
        }
    }

    /// Makes the followers of the domain's keys; those in use stay in use until DNS shows the new ones. A rotation under way is not begun anew.
    func rotate(_ domain: String, of tenant: TenantID, by author: Author) async throws -> [SigningKey] {
        guard try await !keys(of: tenant, domain: domain).isEmpty else { throw Problem.notFound("signing key") }
        return try await add(to: domain.lowercased(), of: tenant, by: author, action: "signing_key.rotate") { keys in
            DKIMKey.Algorithm.allCases.filter { algorithm in !keys.contains { $0.algorithm == algorithm && $0.state == .pending } }
        }
    }

    /// Destroys a key at once, as when it may be known to others; without another, mail of its algorithm goes unsigned until one is published.
    func retire(_ selector: String, of domain: String, _ tenant: TenantID, by author: Author, reason: String) async throws -> SigningKey {
        let found = try await retire(domain, tenant, author, reason) { $0.selector == selector }
        guard let key = found.first else { throw Problem.notFound("signing key") }
        return key
    }

    /// Destroys all keys of a domain that the company gives up.
    func withdraw(_ domain: String, of tenant: TenantID, by author: Author, reason: String) async throws {
        _ = try await retire(domain, tenant, author, reason) { _ in true }
    }

    /// Those that are to go, as they are afterwards.
    private func retire(
        _ domain: String, _ tenant: TenantID, _ author: Author, _ reason: String, where isMeant: @Sendable (SigningKey) -> Bool
    ) async throws -> [SigningKey] {
        let now = clock.now
        let domain = domain.lowercased()
        let meant = try await database.transaction(as: tenant) { transaction in
            try await SigningKeyStore.lock(domain, of: tenant, in: transaction)
            var keys = try await transaction.query(SigningKeyStore.keys(of: domain, tenant)).map(SigningKeyStore.key).filter(isMeant)
            for index in keys.indices where keys[index].state != .retired {
                keys[index].retire(at: now)
                keys[index].lookAt = policy.nextLook(at: keys[index], now: now)
                try await transaction.query(SigningKeyStore.update(keys[index], of: tenant))
                try await outbox.append([try event(keys[index], "signing_key.retire", tenant, author, now, ["reason": reason])], in: transaction)
            }
            return keys
        }
        outbox.wake()
        return meant
    }

    /// Asks DNS for the domain's records and does what follows: new keys come into use, old ones go out of it.
    @discardableResult
    func tend(_ domain: String, of tenant: TenantID, by author: Author = .system) async throws -> [SigningKey] {
        let domain = domain.lowercased()
        var sights: [String: SigningKeyPolicy.Sight] = [:]
        for key in try await keys(of: tenant, domain: domain) where key.state != .retiring && key.removedAt == nil {
            sights[key.selector] = await sight(of: key)
        }
        let seen = sights
        let now = clock.now
        let keys = try await database.transaction(as: tenant) { transaction in
            try await SigningKeyStore.lock(domain, of: tenant, in: transaction)
            let before = try await transaction.query(SigningKeyStore.keys(of: domain, tenant)).map(SigningKeyStore.key)
            let after = policy.after(seen, before, now: now)
            // Whoever goes out of use before whoever comes into it: there is one active key of an algorithm.
            let ordered = after.sorted { $0.state != .active && $1.state == .active }
            if !ordered.isEmpty { try await transaction.pipeline(ordered.map { SigningKeyStore.update($0, of: tenant) }) }
            let events = try zip(before, after).compactMap { old, new in
                try Self.action(from: old.state, to: new.state).map { try event(new, $0, tenant, author, now) }
            }
            try await outbox.append(events, in: transaction)
            return after
        }
        outbox.wake()
        let old = keys.filter { policy.isDue($0, now: now) }.map(\.algorithm)
        guard !old.isEmpty else { return keys }
        return try await add(to: domain, of: tenant, by: author, action: "signing_key.rotate") { keys in
            old.filter { algorithm in !keys.contains { $0.algorithm == algorithm && $0.state == .pending } }
        }
    }

    private func sight(of key: SigningKey) async -> SigningKeyPolicy.Sight {
        do {
            return try await isPublished(key.publication, key.domain) ? .shown : .absent
        } catch {
            return .unknown
        }
    }

    private static func action(from old: SigningKey.State, to new: SigningKey.State) -> String? {
        guard old != new else { return nil }
        return switch new {
        case .active: "signing_key.activate"
        case .retiring: "signing_key.supersede"
        case .retired: "signing_key.retire"
        case .pending: "signing_key.withdraw"
        }
    }

    /// Makes the keys that `missing` says a domain lacks, and asks it again before they are written: somebody else may have made them.
    private func add(
        to domain: String, of tenant: TenantID, by author: Author, action: String,
        missing: @Sendable ([SigningKey]) -> [DKIMKey.Algorithm]
    ) async throws -> [SigningKey] {
        let before = try await keys(of: tenant, domain: domain)
        let wanted = missing(before)
        guard !wanted.isEmpty else { return before }
        if before.isEmpty { try await requireRoom(of: tenant) }
        let yesterday = clock.now.addingTimeInterval(-86_400)
        guard before.count(where: { $0.createdAt > yesterday }) + wanted.count <= Self.mostKeysOfADay else { throw Self.tooManyKeys }
        var made: [SigningKeyForge.Halves] = []
        for algorithm in wanted { made.append(try await forge.make(algorithm)) }
        let halves = made
        let now = clock.now
        let after = try await database.transaction(as: tenant) { transaction in
            try await SigningKeyStore.lock(domain, of: tenant, in: transaction)
            let current = try await transaction.query(SigningKeyStore.keys(of: domain, tenant)).map(SigningKeyStore.key)
            let lacking = missing(current)
            var events: [PendingEvent] = []
            for halves in halves where lacking.contains(halves.algorithm) {
                let key = try await insert(halves, domain, tenant, now, in: transaction)
                events.append(try event(key, action, tenant, author, now, ["algorithm": key.algorithm.rawValue]))
            }
            try await outbox.append(events, in: transaction)
            return try await transaction.query(SigningKeyStore.keys(of: domain, tenant)).map(SigningKeyStore.key)
        }
        outbox.wake()
        return after
    }

    /// Under the first name of the day that the domain has not given yet.
    private func insert(
        _ halves: SigningKeyForge.Halves, _ domain: String, _ tenant: TenantID, _ now: Date, in transaction: Transaction
    ) async throws -> SigningKey {
        for number in 0..<SelectorName.limit {
            var key = SigningKey(
                domain: domain, selector: SelectorName.text(at: now, number: number), algorithm: halves.algorithm, publicKey: halves.publicKey,
                createdAt: now)
            key.lookAt = policy.nextLook(at: key, now: now)
            let place = SigningKey.place(domain: domain, selector: key.selector, tenant: tenant)
            let sealed = try keyring.seal(halves.secret, for: place)
            if try await transaction.query(SigningKeyStore.insert(key, of: tenant, privateKeySealed: sealed)).affected > 0 { return key }
        }
        throw Self.tooManyKeys
    }

    private static let tooManyKeys = Problem.unprocessable(
        kind: "too_many_signing_keys", title: "The domain was given all keys that it can have in a day.")

    private func requireRoom(of tenant: TenantID) async throws {
        let row = try await database.query(as: tenant, SigningKeyStore.countDomains(of: tenant))[0]
        guard try row.decode("n", as: Int64.self) < Self.mostDomains else {
            throw Problem.unprocessable(
                kind: "too_many_domains", title: "Keys were made for \(Self.mostDomains) domains; there can be no more.")
        }
    }

    private func event(
        _ key: SigningKey, _ action: String, _ tenant: TenantID, _ author: Author, _ now: Date, _ metadata: [String: String] = [:]
    ) throws -> PendingEvent {
        var record = author.record
        record.action = action
        record.targets = [key.target]
        record.metadata = metadata
        return try PendingEvent(
            DeliveryEvents.SigningKeyChanged(domain: key.domain, selector: key.selector, state: key.state.rawValue), at: now, tenant: tenant,
            actor: author.actor, audit: record)
    }
}
