import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams

/// Runs a round of the campaign whose turn it is: asks Delivery what mailboxes can take, decides, and writes it in one commit.
struct RoundRunner: Sendable {
    let store: RoundStore
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock

    enum Outcome: Sendable, Equatable {
        /// No campaign is due.
        case nothing
        /// A campaign had its turn; there is something to hand over, or not.
        case done(handOver: UUID?)
    }

    func run() async throws -> Outcome {
        guard let turn = try await store.next(now: clock.now) else { return .nothing }
        let budgets =
            turn.mailboxes.isEmpty ? [] : try await delivery.call(DeliveryRPC.ReadMailboxBudgets(tenant: turn.tenant, mailboxes: turn.mailboxes))
        let byID = Dictionary(budgets.map { ($0.id, $0) }) { first, _ in first }
        let now = clock.now
        // Delivery's answer has no order; the rotation does.
        let rooms = turn.mailboxes.compactMap { byID[$0] }.filter { $0.workspace == turn.workspace }.map { MailboxRoom($0, readAt: now) }
        let handOver = try await store.database.transaction { transaction in
            try await decide(turn, rooms, now: now, in: transaction)
        }
        outbox.wake()
        return .done(handOver: handOver)
    }

    private func decide(_ turn: CampaignTurn, _ rooms: [MailboxRoom], now: Date, in transaction: Transaction) async throws -> UUID? {
        guard let held = try await RoundStore.hold(turn, now: now, in: transaction) else { return nil }
        guard held.mayMail else {
            try await RoundStore.rest(turn, until: now + Planner.patience, reason: .accessReadOnly, cursor: nil, in: transaction)
            return nil
        }
        let tests = try await TestStore.decide(held.sequence, of: turn.campaign, tenant: turn.tenant, at: now, in: transaction)
        func context(_ earlier: [Int: CampaignSequence]) -> RoundContext {
            RoundContext(
                now: now, schedule: held.schedule, sequence: held.sequence, earlier: earlier, tests: tests, sentToday: held.sentToday,
                outstanding: held.outstanding, rooms: rooms, cursor: held.cursor)
        }
        if case .closed(let until, let reason) = Round(context([:])).verdict {
            return try await closed(turn, until: until, reason, now: now, in: transaction)
        }
        var due = try await RoundStore.claim(turn, now: now, limit: held.batch, in: transaction)
        let isFull = due.count == held.batch
        try await RoundStore.addHistory(to: &due, of: turn.tenant, in: transaction)
        var isAudienceGone = false
        do {
            try await addAudience(to: &due, turn, held, now: now, in: transaction)
        } catch is AudienceError {
            // Whoever is in a thread stays in it; nobody new is begun with.
            isAudienceGone = true
            due.removeAll { $0.enrolment.mailbox == nil }
        }
        try await addMatches(to: &due, turn, held, now: now, in: transaction)
        let versions = Set(due.map(\.enrolment.sequenceVersion)).subtracting([held.sequence.version])
        let earlier = try await RoundStore.sequences(versions, of: turn.campaign, tenant: turn.tenant, in: transaction)
        var round = Round(context(earlier))
        let plan = round.decide(due)
        let handOver = try await RoundStore.write(plan, turn, now: now, in: transaction)
        if isAudienceGone && plan.mails.isEmpty {
            try await RoundStore.rest(turn, until: now + Planner.patience, reason: .audienceGone, cursor: plan.cursor, in: transaction)
        } else {
            try await rest(turn, plan, after: round, isFull: isFull, now: now, in: transaction)
        }
        try await Completion(outbox: outbox, clock: clock).check(turn.campaign, of: turn.tenant, in: transaction)
        return handOver
    }

    /// Nobody can be mailed; but a campaign in which nobody waits is done, whatever the hour.
    private func closed(_ turn: CampaignTurn, until: Date, _ reason: WaitReason, now: Date, in transaction: Transaction) async throws -> UUID? {
        let due = try await RoundStore.nextDue(turn, in: transaction)
        let again = reason == .mailboxesFull ? min(until, now + Planner.patience) : until
        let next = due.map { max(again, $0) } ?? max(again, now + Planner.patience)
        try await RoundStore.rest(turn, until: next, reason: due == nil ? nil : reason, cursor: nil, in: transaction)
        if due == nil { try await Completion(outbox: outbox, clock: clock).check(turn.campaign, of: turn.tenant, in: transaction) }
        return nil
    }

    private func rest(
        _ turn: CampaignTurn, _ plan: RoundPlan, after round: Round, isFull: Bool, now: Date, in transaction: Transaction
    ) async throws {
        let due = try await RoundStore.nextDue(turn, in: transaction)
        var (next, reason) = (due ?? now + Planner.patience, WaitReason?.none)
        if plan.wantsAnother || isFull && !plan.hasLeftSome {
            next = now
        } else if plan.hasLeftSome || (due.map { $0 <= now } ?? false) {
            // Whoever is due and was left waits for what is closed now.
            if case .closed(let until, let why) = round.verdict {
                (next, reason) = (why == .mailboxesFull ? min(until, now + Planner.patience) : until, why)
            } else {
                next = now + 1
            }
        }
        try await RoundStore.rest(turn, until: next, reason: reason, cursor: plan.cursor, in: transaction)
    }

    /// Asks again, when mail is decided, whether those who have had none still belong to the audience.
    private func addAudience(
        to due: inout [DueEnrolment], _ turn: CampaignTurn, _ held: RoundStore.Held, now: Date, in transaction: Transaction
    ) async throws {
        let new = due.filter { $0.enrolment.mailbox == nil }.map(\.enrolment.lead)
        guard !new.isEmpty else { return }
        let matching = try await AudienceResolver().stillMatching(
            new, of: held.audience, tenant: turn.tenant, workspace: turn.workspace, now: now, in: transaction)
        for index in due.indices where due[index].enrolment.mailbox == nil {
            due[index].isInAudience = matching.contains(due[index].enrolment.lead)
        }
    }

    /// Asks the conditions about leads, each of those who stand at it. What can no longer be asked is true of nobody.
    private func addMatches(
        to due: inout [DueEnrolment], _ turn: CampaignTurn, _ held: RoundStore.Held, now: Date, in transaction: Transaction
    ) async throws {
        for step in held.sequence.steps {
            guard case .condition(let condition) = step.action, case .attribute(let filter) = condition.test else { continue }
            let asked = due.indices.filter { due[$0].enrolment.step == step.number }
            guard !asked.isEmpty else { continue }
            let matching: Set<LeadID>
            do {
                matching = try await AudienceResolver().matching(
                    asked.map { due[$0].enrolment.lead }, filter: filter, tenant: turn.tenant, workspace: turn.workspace, now: now,
                    in: transaction)
            } catch is AudienceError {
                continue
            }
            for index in asked where matching.contains(due[index].enrolment.lead) { due[index].facts.matching.insert(step.number) }
        }
    }
}
