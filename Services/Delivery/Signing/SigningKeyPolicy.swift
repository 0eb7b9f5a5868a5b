import Foundation

/// How the keys of a domain come and go: decided here from what is known of them, without asking anybody.
struct SigningKeyPolicy: Sendable {
    /// What DNS said of a key's record.
    enum Sight: Sendable {
        case shown
        case absent
        /// DNS could not be asked.
        case unknown
    }

    /// Age at which an active key gets a follower.
    var rotation: TimeInterval = 365 * 86_400
    /// How long a record stays after the last mail signed by its key; longer than servers keep mail that they cannot deliver.
    var overlap: TimeInterval = 7 * 86_400

    /// A record must be missed so often in a row before its key signs no more: one answer may be a resolver's mistake.
    static let missesAllowed = 3
    /// Looks that follow each other sooner are one, as when a person asks for them.
    static let missSpacing: TimeInterval = 1_800
    /// Whoever loads a key may read it while another follows it, and uses it until it reads again.
    static let margin: TimeInterval = 300
    private static let hour: TimeInterval = 3_600
    private static let day: TimeInterval = 86_400

    /// The keys after a look at DNS; `sights` by selector, for those that were asked for.
    func after(_ sights: [String: Sight], _ keys: [SigningKey], now: Date) -> [SigningKey] {
        var keys = keys
        for index in keys.indices { note(sights[keys[index].selector], of: &keys[index], now: now) }
        // The newest of those that are published is the one to sign with.
        for algorithm in Set(keys.map(\.algorithm)) {
            let candidates = keys.indices.filter { keys[$0].algorithm == algorithm && (keys[$0].state == .pending || keys[$0].state == .active) }
            let usable = candidates.filter { keys[$0].state == .active || isShown(sights[keys[$0].selector]) }
            guard let chosen = usable.max(by: { Self.isOlder(keys[$0], keys[$1]) }) else { continue }
            if keys[chosen].state == .pending {
                keys[chosen].state = .active
                keys[chosen].activatedAt = keys[chosen].activatedAt ?? now
            }
            for index in candidates where index != chosen && Self.isOlder(keys[index], keys[chosen]) {
                keys[index].state = .retiring
                keys[index].supersededAt = now
            }
        }
        for index in keys.indices {
            if keys[index].state == .retiring, retirement(of: keys[index]) <= now { keys[index].retire(at: now) }
            keys[index].lookAt = nextLook(at: keys[index], now: now)
        }
        return keys
    }

    /// When the record of a key that was followed by another can go.
    func retirement(of key: SigningKey) -> Date {
        // What never signed leaves nothing behind.
        guard key.activatedAt != nil, let supersededAt = key.supersededAt else { return key.supersededAt ?? key.createdAt }
        return max(key.signsUntil ?? supersededAt, supersededAt.addingTimeInterval(Self.margin)).addingTimeInterval(overlap)
    }

    /// Whether it is time for a new key beside this one.
    func isDue(_ key: SigningKey, now: Date) -> Bool {
        key.state == .active && (key.activatedAt ?? key.createdAt).addingTimeInterval(rotation) <= now
    }

    /// When to look at a key again; nil is never.
    func nextLook(at key: SigningKey, now: Date) -> Date? {
        switch key.state {
        case .pending:
            // Whoever publishes a record does it soon, or nobody knows when.
            let age = now.timeIntervalSince(key.createdAt)
            return now.addingTimeInterval(age < Self.day ? 300 : age < 30 * Self.day ? Self.hour : Self.day)
        case .active:
            guard key.misses == 0 else { return now.addingTimeInterval(Self.hour) }
            let due = (key.activatedAt ?? key.createdAt).addingTimeInterval(rotation)
            let tomorrow = now.addingTimeInterval(Self.day)
            return due > now ? min(tomorrow, due) : tomorrow
        case .retiring: return max(retirement(of: key), now.addingTimeInterval(60))
        case .retired:
            guard key.removedAt == nil, now.timeIntervalSince(key.retiredAt ?? now) < 180 * Self.day else { return nil }
            return now.addingTimeInterval(Self.day)
        }
    }

    private func note(_ sight: Sight?, of key: inout SigningKey, now: Date) {
        switch sight {
        case nil, .unknown: return
        case .shown:
            key.seenAt = now
            key.misses = 0
        case .absent:
            if key.state == .active, key.misses > 0, let last = key.checkedAt, now.timeIntervalSince(last) < Self.missSpacing { return }
            key.misses += 1
            if key.state == .retired { key.removedAt = now }
            // Its signatures would fail, which is worse than none.
            if key.state == .active, key.misses >= Self.missesAllowed { key.state = .pending }
        }
        key.checkedAt = now
    }

    private func isShown(_ sight: Sight?) -> Bool {
        if case .shown = sight { true } else { false }
    }

    private static func isOlder(_ one: SigningKey, _ other: SigningKey) -> Bool {
        (one.createdAt, one.selector) < (other.createdAt, other.selector)
    }
}

extension SigningKey {
    /// Out of use for good.
    mutating func retire(at now: Date) {
        state = .retired
        retiredAt = now
    }
}
