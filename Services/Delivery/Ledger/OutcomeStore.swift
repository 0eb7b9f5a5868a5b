import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL that writes what became of claimed mails; every write holds the fence of its claim.
struct OutcomeStore: Sendable {
    struct Outcome: Sendable {
        let delivery: Delivery
        let resolution: Resolution
        /// What was said to the server, where it did not end well.
        var transcript: String?
    }

    let events: SendEvents
    let counters: QueueCounters
    let suppressions: Suppressions
    /// How long a claim holds without a sign of life; only what is older can have been swept.
    let lease: Duration

    /// Writes the group in the caller's transaction; an outcome whose claim was lost changes nothing.
    func write(_ outcomes: [Outcome], now: Date, in transaction: Transaction) async throws {
        let refused = RefusedRecipients(outcomes, suppressions: suppressions)
        if let lock = refused.lock { try await transaction.query(lock) }
        let versions = try await updateLedger(outcomes, now: now, in: transaction)
        let valid = outcomes.filter { versions[$0.delivery.send] != nil }
        guard !valid.isEmpty else { return }
        try await refused.note(Set(versions.keys), now: now, in: transaction)
        let swept = try await swept(valid, in: transaction)
        // Everybody locks in this order: ledger, jobs, lanes, settlements, what mailboxes have used, mailboxes, and last what all share.
        var statements: [SQL] = [updateJobs(valid, now: now)]
        let erased = valid.filter(\.resolution.erasesContent)
        if !erased.isEmpty {
            statements.append(
                """
                delete from send_contents c using unnest(\(erased.map(\.delivery.tenant)), \(erased.map(\.delivery.send))) as d (tenant_id, send_id)
                where c.tenant_id = d.tenant_id and c.send_id = d.send_id
                """)
        }
        if let logs = log(valid, now: now) { statements.append(logs) }
        if let lanes = lanes(valid) { statements.append(lanes) }
        // What the sweeper gave up was used then, and a late reply does not use it again.
        let used = valid.compactMap { outcome in
            outcome.resolution.isUsed && !swept.contains(outcome.delivery.job)
                ? outcome.delivery.reservation.map { (outcome.delivery.tenant, $0) } : nil
        }
        if !used.isEmpty { statements.append(SettlementStore.use(used)) }
        let notes = AutoPause.Notes(valid)
        statements += mailboxes(valid, notes, now: now)
        if notes.needsLook {
            try await transaction.pipeline(statements)
            statements = []
            try await AutoPause(outbox: events.outbox).look(notes, now: now, in: transaction)
        }
        statements.append(transport(valid, now: now))
        try await transaction.pipeline(statements + counters.record(valid.map { $0.change(wasSwept: swept.contains($0.delivery.job)) }, now: now))
        FaultPoint.pass(.insideOutcome)
        let told = valid.filter(\.resolution.isTold).map { outcome in
            SendEvents.Resolved(
                tenant: outcome.delivery.tenant,
                send: .init(
                    sendKey: outcome.delivery.sendKey, version: versions[outcome.delivery.send] ?? 0, campaign: outcome.delivery.campaign,
                    enrolment: outcome.delivery.enrolment, state: .init(rawValue: outcome.resolution.state), code: outcome.resolution.code,
                    at: now))
        }
        try await events.append(told, at: now, in: transaction)
    }

    /// Whose late reply settles what the sweeper had given up and counted as failed.
    private func swept(_ outcomes: [Outcome], in transaction: Transaction) async throws -> Set<UUID> {
        let now = ContinuousClock.now
        let late = outcomes.map(\.delivery).filter { now - $0.claimedAt >= lease }.map(\.job)
        guard !late.isEmpty else { return [] }
        let rows = try await transaction.query("select id from jobs where id = any(\(late)) and state = 'failed'")
        return Set(try rows.map { try $0.decode("id") })
    }

    /// The new versions of the rows that still belonged to their claims. What was marked is changed by the hand that marked it and by no other;
    /// a late reply may settle what the sweeper called ambiguous, since the fence is the same.
    private func updateLedger(_ outcomes: [Outcome], now: Date, in transaction: Transaction) async throws -> [SendID: Int64] {
        let deliveries = outcomes.map(\.delivery)
        let resolutions = outcomes.map(\.resolution)
        let rows = try await transaction.query(
            """
            update sends s set state = d.state, version = s.version + 1, reply_code = d.code, reply_text = d.reply, deferrals = d.deferrals,
                first_deferred_at = d.first_deferred_at,
                resolved_at = case when d.state in ('accepted', 'refused', 'ambiguous') then \(now)::timestamptz end
            from unnest(\(deliveries.map(\.tenant)), \(deliveries.map(\.send)), \(deliveries.map(\.fence)), \(resolutions.map(\.state)),
                        \(PostgresOptionals(resolutions.map(\.code))), \(PostgresOptionals(resolutions.map { $0.text.map { String($0.prefix(1_000)) } })),
                        \(resolutions.map(\.deferrals)), \(PostgresOptionals(resolutions.map(\.firstDeferredAt))), \(deliveries.map(\.hand)))
                 as d (tenant_id, id, fence, state, code, reply, deferrals, first_deferred_at, hand)
            where s.tenant_id = d.tenant_id and s.id = d.id and s.fence = d.fence
              and (s.state = 'claimed' or s.data_sent_by = d.hand
                   and (s.state = 'data_sent' or s.state = 'ambiguous' and d.state in ('accepted', 'refused')))
            returning s.id, s.version
            """)
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("id"), try $0.decode("version")) })
    }

    private func updateJobs(_ outcomes: [Outcome], now: Date) -> SQL {
        let parts = outcomes.map { outcome -> (state: String, runAt: Date?, uncounted: Int) in
            switch outcome.resolution.job {
            case .finished(let state): (state, nil, 0)
            case .again(let date, let counted): ("queued", date, counted ? 0 : 1)
            }
        }
        return """
            update jobs j set state = d.state, run_at = coalesce(d.run_at, j.run_at), attempt = j.attempt - d.uncounted, unreachable = d.unreachable,
                lease_until = null, error = left(d.error, 2000), finished_at = case when d.state = 'queued' then null else \(now)::timestamptz end
            from unnest(\(outcomes.map(\.delivery.job)), \(outcomes.map(\.delivery.fence)), \(parts.map(\.state)),
                        \(PostgresOptionals(parts.map(\.runAt))), \(parts.map(\.uncounted)), \(outcomes.map(\.resolution.unreachable)),
                        \(PostgresOptionals(outcomes.map { $0.resolution.state == "accepted" ? nil : $0.resolution.text })))
                 as d (id, fence, state, run_at, uncounted, unreachable, error)
            where j.id = d.id and j.fence = d.fence and j.state in ('running', 'failed')
            """
    }

    /// When the lanes of what is tried again are due. A mailbox with a gap, which was closed for as long as its mail could take, is looked at again
    /// when that has its end.
    private func lanes(_ outcomes: [Outcome]) -> SQL? {
        let again = outcomes.compactMap { outcome -> (queue: String, lane: Lane, at: Date)? in
            guard case .again(let date, _) = outcome.resolution.job else { return nil }
            return (outcome.delivery.queue, outcome.delivery.lane, date)
        }
        let spaced = Set(outcomes.filter(\.delivery.hasGap).map(\.delivery.lane))
        if !spaced.isEmpty { return LaneStore.wake(again, and: spaced) }
        return again.isEmpty ? nil : LaneStore.wake(again)
    }

    /// What does not count against its mailbox after all, how mailboxes do, whose gaps begin now, and which destinations rest.
    private func mailboxes(_ outcomes: [Outcome], _ notes: AutoPause.Notes, now: Date) -> [SQL] {
        let unsent = outcomes.filter(\.resolution.sentNothing).map(\.delivery.job)
        let spaced = outcomes.filter(\.delivery.hasGap)
        let paced = Set(spaced.filter(\.resolution.wasTried).map(\.delivery.lane))
        // Nothing was tried for them, so no gap begins.
        let untouched = Set(spaced.map(\.delivery.lane)).subtracting(paced)
        let changed = paced.union(untouched).union(notes.mailboxes)
        var statements: [SQL] = unsent.isEmpty ? [] : [PaceStore.giveBack(unsent)]
        if let days = notes.days { statements.append(days) }
        if let counts = ReputationCounters.outcomes(outcomes, now: now) { statements.append(counts) }
        if !changed.isEmpty { statements.append(PaceStore.lock(changed)) }
        if !paced.isEmpty { statements.append(PaceStore.reopen(paced)) }
        if !untouched.isEmpty { statements.append(PaceStore.reopenAtOnce(untouched)) }
        if let recovery = notes.recovery { statements.append(recovery) }
        return statements + DestinationPauses.change(outcomes)
    }

    /// How mail servers do, for all of a minute.
    private func transport(_ outcomes: [Outcome], now: Date) -> SQL {
        let answered = outcomes.count { $0.resolution.code != nil }
        let unreachable = outcomes.count { $0.resolution.unreachable > $0.delivery.unreachable }
        return """
            insert into transport_minutes as t (minute, answered, unreachable) values (date_trunc('minute', \(now)), \(answered), \(unreachable))
            on conflict (minute) do update set answered = t.answered + excluded.answered, unreachable = t.unreachable + excluded.unreachable
            """
    }

    /// Failures and retries only.
    private func log(_ outcomes: [Outcome], now: Date) -> SQL? {
        let noted = outcomes.filter { $0.resolution.state != "accepted" && $0.resolution.text != nil }
        guard !noted.isEmpty else { return nil }
        let logs = noted.map { outcome in
            JobLog(
                tenant: outcome.delivery.tenant, job: outcome.delivery.job, attempt: outcome.delivery.attempt,
                level: outcome.resolution.isUsed ? .error : .warning, message: "\(outcome.resolution.state): \(outcome.resolution.text ?? "")",
                transcript: outcome.transcript)
        }
        return JobLog.insert(logs, now: now)
    }
}

extension OutcomeStore.Outcome {
    /// What it means for the counts of its queue.
    fileprivate func change(wasSwept: Bool) -> QueueChange {
        if wasSwept {
            // It is no longer active; where it failed after all, that is counted already.
            return resolution.job == .finished(state: "completed")
                ? QueueChange(queue: delivery.queue, failed: -1, completed: 1) : QueueChange(queue: delivery.queue)
        }
        return switch resolution.job {
        case .finished("completed"): QueueChange(queue: delivery.queue, active: -1, completed: 1)
        case .finished: QueueChange(queue: delivery.queue, active: -1, failed: 1, gaveUp: 1)
        case .again(_, let counted): QueueChange(queue: delivery.queue, waiting: 1, active: -1, retried: counted ? 1 : 0)
        }
    }
}
