import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Says of each hit, a little after it came, whether it was a person's, counts it, and tells others of the day's first.
struct TrackingJudge: Service {
    private static let batch = 1_000

    let database: Database
    let outbox: Outbox
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await repeatWork(
            "judging what was noticed of mails", logger: logger, rest: { try? await Task.sleep(for: .seconds(2)) }, step: { try await judge() })
    }

    /// A batch; true when there may be more.
    func judge() async throws -> Bool {
        let now = clock.now
        let cut = now.addingTimeInterval(-HitVerdict.patience)
        let judged = try await database.transaction { transaction in
            let found = try await TrackingStore.due(before: cut, limit: Self.batch, in: transaction)
            let due = found.filter { !$0.isJudged && $0.hit.at <= cut }
            guard !due.isEmpty else { return 0 }
            let neighbours = Dictionary(grouping: found) { $0.send }
            var tallies: [TrackingStore.Count: TrackingStore.Tally] = [:]
            var mails: [TrackingStore.Count: (mail: TrackingStore.StoredHit, human: Date?, machine: Date?)] = [:]
            for hit in due where hit.hit.kind != .hidden {
                let count = TrackingStore.Count(
                    tenant: hit.tenant, send: hit.send, kind: hit.hit.kind, link: hit.hit.link, day: hit.hit.at.startOfDay)
                let verdict = HitVerdict(hit.hit, among: neighbours[hit.send]?.map(\.hit) ?? [], sentAt: hit.sentAt)
                var mail = mails[count] ?? (hit, nil, nil)
                switch verdict {
                case .human:
                    tallies[count, default: .init()].human += hit.times
                    mail.human = mail.human ?? hit.hit.at
                case .machine:
                    tallies[count, default: .init()].machine += hit.times
                    mail.machine = mail.machine ?? hit.hit.at
                }
                mails[count] = mail
            }
            if !tallies.isEmpty {
                let firsts = try await TrackingStore.add(tallies, in: transaction)
                try await tell(firsts, mails, at: now, in: transaction)
            }
            try await transaction.query(TrackingStore.markJudged(due, at: now))
            return due.count
        }
        if judged > 0 { outbox.wake() }
        return judged >= Self.batch
    }

    private func tell(
        _ firsts: [TrackingStore.Count: (human: Bool, machine: Bool)],
        _ mails: [TrackingStore.Count: (mail: TrackingStore.StoredHit, human: Date?, machine: Date?)], at now: Date, in transaction: Transaction
    ) async throws {
        var feedback: [TenantID: [DeliveryEvents.Feedback]] = [:]
        for (count, first) in firsts {
            guard let (mail, human, machine) = mails[count] else { continue }
            let kind: DeliveryEvents.FeedbackKind = count.kind == .open ? .opened : .clicked
            for (isFirst, at, isMachine) in [(first.human, human, false), (first.machine, machine, true)] {
                guard isFirst, let at else { continue }
                feedback[count.tenant, default: []].append(
                    .init(
                        kind: kind, sendKey: mail.sendKey, campaign: mail.campaign, enrolment: mail.enrolment, isMachine: isMachine, at: at))
            }
        }
        let events = try feedback.map { tenant, feedback in
            try PendingEvent(
                DeliveryEvents.FeedbackReceived(feedback: feedback.sorted { $0.at < $1.at }), at: now, tenant: tenant, actor: .system("delivery"))
        }
        try await outbox.append(events, in: transaction)
    }
}

extension Date {
    /// UTC.
    fileprivate var startOfDay: Date {
        Date(timeIntervalSince1970: (timeIntervalSince1970 / 86_400).rounded(.down) * 86_400)
    }
}
