import Contracts
import Foundation
import Postgres
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite("The fence that an answer puts up")
struct StopFenceTests {
    /// When each answer was committed, and which mails each claim took that began at a moment.
    private final class Diary: Sendable {
        struct Entries {
            var answered: [EnrolmentID: ContinuousClock.Instant] = [:]
            var claimed: [(began: ContinuousClock.Instant, jobs: [UUID])] = []
        }

        private let kept = Mutex(Entries())
        var entries: Entries { kept.withLock { $0 } }
        func answered(_ enrolments: [EnrolmentID]) { kept.withLock { for enrolment in enrolments { $0.answered[enrolment] = .now } } }
        func claimed(_ jobs: [UUID], began: ContinuousClock.Instant) { kept.withLock { $0.claimed.append((began, jobs)) } }
    }

    @Test("a thousand answers against a thousand due steps: no claim that begins after an answer's commit takes the step", .timeLimit(.minutes(3)))
    func race() async throws {
        let ground = try await InboxGround.make()
        let enrolments = (0..<1_000).map { _ in EnrolmentID(UUID()) }
        func address(_ index: Int) -> String { "lead\(index)@lead.example" }
        for start in stride(from: 0, to: enrolments.count, by: 500) {
            try await ground.plan(
                (start..<start + 500).map { ground.planned("campaign:\(enrolments[$0]):0", to: address($0), enrolment: enrolments[$0]) })
        }
        // The first steps are out.
        try await ground.database.query("update sends set state = 'accepted'")
        try await ground.database.query("delete from jobs where kind = 'email'")
        for start in stride(from: 0, to: enrolments.count, by: 500) {
            try await ground.plan(
                (start..<start + 500).map { ground.planned("campaign:\(enrolments[$0]):1", to: address($0), enrolment: enrolments[$0]) })
        }
        let jobs: [UUID: EnrolmentID] = try Dictionary(
            uniqueKeysWithValues: await ground.database.query("select id, enrolment_id from jobs where kind = 'email'").map {
                (try $0.decode("id", as: UUID.self), try $0.decode("enrolment_id", as: EnrolmentID.self))
            })
        try #require(jobs.count == 1_000)
        let diary = Diary()
        let order = Array(0..<1_000).shuffled()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for hand in 0..<2 {
                group.addTask {
                    for start in stride(from: hand * 500, to: hand * 500 + 500, by: 5) {
                        let chosen = order[start..<start + 5]
                        let mails = chosen.map { index in
                            ground.fetched(
                                .init(
                                    from: address(index), answers: [ground.identifier("campaign:\(enrolments[index]):0")], uid: UInt32(index + 1)))
                        }
                        try await ground.database.transaction { try await ground.processing.take(mails, in: $0) }
                        diary.answered(chosen.map { enrolments[$0] })
                    }
                }
            }
            group.addTask {
                let claims = ground.fixture.claims(perMailbox: 10_000)
                let lease = DispatcherLease(database: ground.database, holder: "race", length: .seconds(60))
                let fence = try #require(try await lease.take())
                // Until every answer is in, and once more.
                var isLast = false
                while true {
                    let began = ContinuousClock.now
                    let admission = try await claims.claim(
                        .mail, room: 7, share: FairShare(), fence: fence, holder: "race", lease: 60, now: ground.now)
                    diary.claimed(admission.claimed.map(\.job), began: began)
                    if isLast { return }
                    isLast = diary.entries.answered.count == 1_000 && admission.claimed.isEmpty && !admission.mayBeMore
                }
            }
            try await group.waitForAll()
        }
        let entries = diary.entries
        var taken: Set<UUID> = []
        for (began, claimed) in entries.claimed {
            for job in claimed {
                #expect(taken.insert(job).inserted)
                let enrolment = try #require(jobs[job])
                if let answered = entries.answered[enrolment] { #expect(began < answered, "claimed after its answer's commit") }
            }
        }
        // Both sides won some of the race, and what was not taken is set aside.
        #expect(entries.answered.count == 1_000 && !taken.isEmpty && taken.count < 1_000, "\(taken.count)")
        #expect(try await ground.number("select count(*) as n from jobs where kind = 'email' and state = 'gated'") == 1_000 - taken.count)
        #expect(try await ground.threads == 1_000)
        let counts = try await ground.fixture.counts()
        #expect(counts.counted[1] == counts.real[1])
    }

    @Test("an answer waits for the claim that has its mail in hand, and passes it by")
    func claimFirst() async throws {
        let ground = try await InboxGround.make()
        let enrolment = EnrolmentID(UUID())
        let identifier = try await ground.sent("campaign:\(enrolment):0", to: "ada@lead.example", enrolment: enrolment)
        try await ground.plan([ground.planned("campaign:\(enrolment):1", to: "ada@lead.example", enrolment: enrolment)])
        let isHeld = Mutex(false)
        // A claim as it stands between its look and its commit.
        async let claim: Void = ground.database.transaction { transaction in
            try await transaction.query("select id from jobs where state = 'queued' and kind = 'email' for update")
            isHeld.withLock { $0 = true }
            try await eventually("the answer waits") {
                try await ground.number("select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and query like '%gated%'") > 0
            }
            try await transaction.query("update jobs set state = 'running' where state = 'queued' and kind = 'email'")
        }
        try await eventually("the claim has it") { isHeld.withLock { $0 } }
        try await ground.take(.init(answers: [identifier]))
        try await claim
        #expect(try await ground.number("select count(*) as n from jobs where state = 'running'") == 1)
        #expect(try await ground.number("select count(*) as n from jobs where state = 'gated'") == 0)
        #expect(try await ground.number("select count(*) as n from send_gates where not is_open") == 1)
    }
}
