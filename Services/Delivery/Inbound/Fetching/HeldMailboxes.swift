import Contracts
import Synchronization

/// The mailboxes that this replica has in its hands.
final class HeldMailboxes: Sendable {
    private struct State {
        var holds: [MailboxID: MailboxSession.Hold] = [:]
        /// Of mailboxes with a permit, by tenant.
        var working: [TenantID: Int] = [:]
        /// Mailboxes whose connections wait for news, the longest first.
        var idle: [MailboxID] = []
        var idleLimit = 0
    }

    private let state = Mutex(State())

    /// One that was held before is lost by that: its settings have changed, or its lease ended.
    func add(_ hold: MailboxSession.Hold) {
        let before = state.withLock { state in
            state.working[hold.mailbox.tenant, default: 0] += 1
            return state.holds.updateValue(hold, forKey: hold.mailbox.id)
        }
        before?.lose()
    }

    func remove(_ hold: MailboxSession.Hold) {
        state.withLock { state in
            // Lost and taken again meanwhile, it is another's entry.
            if state.holds[hold.mailbox.id] === hold { state.holds[hold.mailbox.id] = nil }
        }
    }

    /// Has a permit again.
    func enter(_ hold: MailboxSession.Hold) {
        state.withLock { $0.working[hold.mailbox.tenant, default: 0] += 1 }
    }

    func leave(_ hold: MailboxSession.Hold) {
        state.withLock { state in
            let left = (state.working[hold.mailbox.tenant] ?? 1) - 1
            state.working[hold.mailbox.tenant] = left > 0 ? left : nil
        }
    }

    /// Tenants that have as many permits as one may have.
    func busy(limit: Int) -> [TenantID] {
        state.withLock { $0.working.filter { $0.value >= limit }.map(\.key) }
    }

    /// How many have a permit.
    var workingCount: Int { state.withLock { $0.working.values.reduce(0, +) } }

    var all: [MailboxSession.Hold] { state.withLock { Array($0.holds.values) } }

    /// Whether its connection may wait for news.
    func park(_ hold: MailboxSession.Hold) -> Bool {
        state.withLock { state in
            guard state.idle.count < state.idleLimit, !hold.isLost else { return false }
            state.idle.append(hold.mailbox.id)
            return true
        }
    }

    func unpark(_ hold: MailboxSession.Hold) {
        state.withLock { state in
            if let index = state.idle.firstIndex(of: hold.mailbox.id) { state.idle.remove(at: index) }
        }
    }

    /// Sets how many may wait; those above, the longest first, are called back.
    func allowIdle(_ limit: Int) {
        let surplus = state.withLock { state in
            state.idleLimit = limit
            return state.idle.prefix(max(0, state.idle.count - limit)).compactMap { state.holds[$0] }
        }
        for hold in surplus { hold.recall() }
    }

    func loseAll() {
        for hold in all { hold.lose() }
    }
}
