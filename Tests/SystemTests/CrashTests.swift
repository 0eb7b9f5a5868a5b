import AsyncHTTPClient
import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@Suite("Delivery dies at every step", .serialized)
struct CrashTests {
    /// The places in Delivery at which a process can be killed; see its FaultPoint.
    private static let points = [
        "after_claim", "after_hand_over", "after_take", "before_mark", "after_mark", "after_reply", "inside_outcome", "after_outcome", "inside_sweep",
    ]
    private static let isFull = ProcessInfo.processInfo.environment["PENGUIN_TEST_FULL"] != nil
    private static let hourlyLimit = 60

    /// How many deaths, and how many mails are on their way meanwhile.
    private static let kills = isFull ? 2_000 : 200
    private static let mails = isFull ? 40_000 : 6_000

    @Test("three replicas, killed again and again at every step: nothing lost, nothing twice, nothing unmarked, no limit exceeded")
    func kills() async throws {
        let seed = UInt64(ProcessInfo.processInfo.environment["PENGUIN_SEED"] ?? "") ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("PENGUIN_SEED=\(seed)")
        var random = SeededRandom(seed: seed)
        let ground = try await DeliveryGround.make()
        // Slow enough that the mails last as long as the deaths.
        let sink = RecordingSink(delays: 2_000...20_000)
        try await sink.serve { port in
            let replicas = try (1...3).map { try DeliveryReplica(ground, instance: $0) }
            try replicas[0].start(fault: nil)
            let plan = try await Plan.make(ground, replicas[0], sinkPort: port, mails: Self.mails)
            replicas[0].kill()
            let limit = ContinuousClock.now + .seconds(Self.isFull ? 3_000 : 420)
            // Deaths, until there were enough or everything is sent; Redis is emptied now and then.
            var flushes = 0
            var patience: [ContinuousClock.Instant] = replicas.map { _ in .now }
            while replicas.map(\.kills).reduce(0, +) < Self.kills, ContinuousClock.now < limit {
                for (index, replica) in replicas.enumerated() {
                    // Who does not come by its point, as one that does not lead, dies wherever it is.
                    if replica.isRunning, patience[index] < .now { replica.kill() }
                    guard !replica.isRunning else { continue }
                    let point = Self.points[Int.random(in: 0..<Self.points.count, using: &random)]
                    try replica.start(fault: "\(point):\(Int.random(in: 1...8, using: &random))")
                    patience[index] = .now + .milliseconds(Int.random(in: 400...1_500, using: &random))
                }
                try await Task.sleep(for: .milliseconds(20))
                let deaths = replicas.map(\.kills).reduce(0, +)
                if deaths / 50 > flushes {
                    flushes = deaths / 50
                    try await ground.redis.flushAll()
                }
                if try await plan.open() == 0 { break }
            }
            let deaths = replicas.map(\.kills).reduce(0, +)
            for replica in replicas { replica.kill() }
            for replica in replicas { try replica.start(fault: nil) }
            try await eventually("every mail has its fate", within: .seconds(300)) { try await plan.open() == 0 }
            for replica in replicas { replica.kill() }
            let held = try await plan.check(sink, hourlyLimit: Self.hourlyLimit)
            print("\(deaths) deaths, \(flushes) times Redis emptied, \(Self.mails) mails, \(held) of them held")
            #expect(deaths >= Self.kills / 4, "too few deaths to prove anything")
        }
        try ground.remove()
    }
}

/// The mails of one run and what must be true of them.
private struct Plan: Sendable {
    let tenant: TenantID
    let limited: MailboxID
    let database: Database

    /// Four mailboxes, one with an hourly limit; all mail is planned before anything is killed.
    static func make(_ ground: DeliveryGround, _ replica: DeliveryReplica, sinkPort: Int, mails: Int) async throws -> Plan {
        let rpc = RPCClient.http(
            url: try #require(URL(string: "http://127.0.0.1:\(replica.internalPort)")), caller: .campaigns, target: .delivery, tokens: ground.tokens,
            httpClient: .shared, logger: Logger(label: "crash"))
        try await eventually("Delivery answers") { (try? await rpc.call(DeliveryRPC.ReadTransportHealth())) != nil }
        let database = Database(ground.database.configuration(role: "delivery_worker"), connections: 2)
        let owner = Database(ground.database.configuration(role: "delivery_owner"), connections: 1)
        let (tenant, workspace) = (TenantID(UUID()), WorkspaceID(UUID()))
        let mailboxes = (0..<4).map { _ in MailboxID(UUID()) }
        try await owner.query("update job_queues set paused_at = now(), pause_reason = 'the test plans its mail'")
        for (number, mailbox) in mailboxes.enumerated() {
            try await owner.query(
                """
                insert into mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username,
                                       password_sealed, hourly_limit, created_at, updated_at)
                values (\(tenant), \(mailbox), \(workspace), \("box\(number)@sender.example"), 'Box', '127.0.0.1', \(sinkPort), 'none', '', '',
                        \(number == 0 ? 60 : nil), now(), now())
                """)
        }
        for first in stride(from: 0, to: mails, by: 500) {
            let sends = (first..<min(mails, first + 500)).map { number in
                DeliveryRPC.PlannedSend(
                    sendKey: "test:\(number)", workspace: workspace, campaign: nil, enrolment: nil, mailbox: mailboxes[number % 4],
                    recipient: "lead\(number)@x.example", recipientName: nil, subject: "Hi", text: "Hello", html: nil,
                    priority: [40, 100, 200][number % 3], dueAt: Date(), reservation: nil)
            }
            _ = try await rpc.call(DeliveryRPC.EnqueueSends(tenant: tenant, sends: sends))
        }
        try await owner.query("update job_queues set paused_at = null, pause_reason = null")
        return Plan(tenant: tenant, limited: mailboxes[0], database: database)
    }

    /// How many mails have no fate yet, but for those that wait for the limited mailbox's next hour.
    func open() async throws -> Int {
        try await database.query(
            """
            select count(*) as n from sends where tenant_id = \(tenant)
              and (state in ('claimed', 'data_sent') or (state in ('planned', 'deferred') and mailbox_id <> \(limited)))
            """)[0].decode("n")
    }

    /// How many are held.
    func check(_ sink: RecordingSink, hourlyLimit: Int) async throws -> Int {
        let rows = try await database.query("select recipient, state, mailbox_id from sends where tenant_id = \(tenant)")
        var states: [String: String] = [:]
        var ofLimited: Set<String> = []
        for row in rows {
            let recipient: String = try row.decode("recipient")
            states[recipient] = try row.decode("state")
            if try row.decode("mailbox_id", as: MailboxID.self) == limited { ofLimited.insert(recipient) }
        }
        let mails = sink.mails
        let arrived = Set(mails.map(\.recipient))
        #expect(arrived.count == mails.count, "a mail arrived twice")
        #expect(Set(mails.map(\.messageID)).count == mails.count, "a Message-ID came twice")
        let accepted = Set(states.filter { $0.value == "accepted" }.keys)
        let held = Set(states.filter { $0.value == "ambiguous" }.keys)
        #expect(accepted.subtracting(arrived).isEmpty, "marked as accepted, and not there: \(accepted.subtracting(arrived).prefix(3))")
        #expect(arrived.subtracting(accepted).subtracting(held).isEmpty, "there, and not marked")
        #expect(states.values.allSatisfy { ["accepted", "ambiguous", "planned"].contains($0) })
        #expect(states.allSatisfy { $0.value != "planned" || ofLimited.contains($0.key) }, "a mail was lost")
        #expect(arrived.intersection(ofLimited).count <= hourlyLimit, "the hourly limit was exceeded")
        // The counters say what the tables say.
        let drift = try await database.query(
            """
            select q.queue, q.active - (select count(*) from jobs j where j.queue = q.queue and j.state = 'running') as active,
                q.waiting - (select count(*) from jobs j where j.queue = q.queue and j.state in ('queued', 'gated')) as waiting,
                q.failed - (select count(*) from jobs j where j.queue = q.queue and j.state = 'failed') as failed
            from (select queue, sum(active)::bigint as active, sum(waiting)::bigint as waiting, sum(failed)::bigint as failed
                  from queue_counters group by queue) q
            """)
        for row in drift {
            for column: StaticString in ["active", "waiting", "failed"] {
                let (queue, off) = (try row.decode("queue", as: String.self), try row.decode(column, as: Int.self))
                #expect(off == 0, "\(queue): \(column) drifted")
            }
        }
        return held.count
    }
}

/// A small generator that a seed determines (SplitMix64; Steele, Lea and Flood, 2014).
private struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
