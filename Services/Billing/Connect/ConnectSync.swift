import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Brings what we keep of a connected account to what Stripe says, whatever an event said of it: the one way in which it is written.
struct ConnectSync: Sendable {
    /// What Stripe tells when an owner takes an account from us. Whether it is so says the account: gone is what we may not read any more.
    static let deauthorization = "account.application.deauthorized"

    /// Others were faster every time; later it will do.
    struct Contended: Error {}

    /// What came of reading all of them again.
    struct Outcome: Codable, Sendable, Equatable {
        var read = 0
        var failed = 0
    }

    let stripe: StripeClient
    let database: Database
    let clock: WallClock
    let outbox: Outbox

    /// Reads the account and writes what is so; whose it is, nil for one that is nobody's here. `cause` is the type of Stripe's event, or who asked.
    ///
    /// Of two at once the later writer has not always read later: whoever finds that somebody wrote meanwhile reads again.
    @discardableResult
    func refresh(account: String, cause: String) async throws -> TenantID? {
        for _ in 0..<4 {
            let rows = try await database.query("select tenant_id, synced_at from connect_accounts where account = \(account)")
            guard let known = rows.first else { return nil }
            let before: Date? = try known.decodeOptional("synced_at")
            let state = try await read(account)
            if try await write(state, of: account, cause: cause, since: before) {
                return try known.decode("tenant_id", as: TenantID.self)
            }
        }
        throw Contended()
    }

    /// Reads those again that were last read before `instant`: what no event told us of shows then.
    func refreshOld(before instant: Date, onPage: () async throws -> Void = {}) async throws -> Outcome {
        var outcome = Outcome()
        var last = ""
        while true {
            let accounts: [String] = try await database.query(
                """
                select account from connect_accounts
                where account > \(last) and (synced_at is null or synced_at < \(instant)) order by account limit 100
                """
            ).map { try $0.decode("account") }
            for account in accounts {
                do {
                    try await refresh(account: account, cause: "reconcile")
                    outcome.read += 1
                } catch {
                    if Task.isCancelled || (error as? StripeError)?.code == StripeClient.resting.code { throw error }
                    outcome.failed += 1
                }
            }
            try await onPage()
            guard accounts.count == 100, let end = accounts.last else { return outcome }
            last = end
        }
    }

    /// When it was last read; nil for one that never was, or that is nobody's.
    func readAt(_ account: String) async throws -> Date? {
        try await database.query("select synced_at from connect_accounts where account = \(account)").first?.decodeOptional("synced_at")
    }

    private func read(_ account: String) async throws -> ConnectAccount.State {
        do throws(StripeError) {
            return ConnectAccount.State(try await stripe.read(StripeAccount.self, "/v1/accounts/\(account)"))
        } catch {
            // Of an account that was taken from us Stripe says that it is not ours, or not there. Any other refusal, a 403 too, is about our key or
            // what it may do, and says nothing of the account.
            guard error.kind == .notFound || error.code == "account_invalid" else { throw error }
            return ConnectAccount.State(deauthorizedAt: clock.now)
        }
    }

    /// False when somebody wrote since the reading began.
    private func write(_ state: ConnectAccount.State, of account: String, cause: String, since before: Date?) async throws -> Bool {
        let now = clock.now
        let isWritten = try await database.transaction { transaction -> Bool in
            guard let locked = try await ConnectStore.lock(account, in: transaction) else { return true }
            guard locked.account.syncedAt == before else { return false }
            let old = locked.account.state
            var new = state
            // Taken is taken since the first time we knew.
            if new.deauthorizedAt != nil { new.deauthorizedAt = old.deauthorizedAt ?? new.deauthorizedAt }
            try await ConnectStore.write(new, of: account, at: max(now, before.map { $0 + 0.001 } ?? now), in: transaction)
            guard new != old else { return true }
            let event = try PendingEvent(
                BillingEvents.ConnectAccountChanged(account: account, chargesEnabled: new.chargesEnabled, payoutsEnabled: new.payoutsEnabled),
                at: now, tenant: locked.tenant, actor: .system("stripe"),
                audit: AuditRecord(
                    action: new.deauthorizedAt == nil ? "connect.update" : "connect.deauthorize",
                    targets: [.init(type: "connect_account", id: account)], changes: new.changes(from: old), metadata: ["source": cause]))
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return isWritten
    }
}

extension ConnectAccount.State {
    /// For the trail.
    fileprivate func changes(from old: Self) -> [AuditRecord.Change] {
        let all: [(String, String?, String?)] = [
            ("details_submitted", "\(old.detailsSubmitted)", "\(detailsSubmitted)"),
            ("charges_enabled", "\(old.chargesEnabled)", "\(chargesEnabled)"),
            ("payouts_enabled", "\(old.payoutsEnabled)", "\(payoutsEnabled)"), ("disabled_reason", old.disabledReason, disabledReason),
            ("requirements", "\(old.requirements.count)", "\(requirements.count)"),
        ]
        return all.filter { $0.1 != $0.2 }.map { AuditRecord.Change(path: $0.0, before: $0.1, after: $0.2) }
    }
}
