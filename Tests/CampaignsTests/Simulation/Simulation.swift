import Contracts
import Foundation

@testable import Campaigns

/// A world of the campaign scheduler that one seed determines: tenants, campaigns, mailboxes, people, and everything that can go wrong.
///
/// The core decides as in the service; around it stand models of the database, of Delivery, of the event stream and of the replicas, which take
/// the same steps in the same order as the service does. Between any two steps a replica may die. The clock is virtual and jumps to the next
/// instant at which something happens; after every step the promises of the scheduler are checked.
final class Simulation {
    /// No world needs as many: one that does runs in circles.
    static let mostSteps = 300_000
    /// After the last fault everybody is through within this time.
    static let patience: TimeInterval = 400 * 86_400

    let seed: UInt64
    let breakage: Breakage?
    let isTracing: Bool
    var dice: Dice
    var timeline = Timeline()
    /// The time as Delivery and the database have it.
    var now = Date(timeIntervalSince1970: 0)
    /// From then on nothing goes wrong any more.
    var quietAt = Date(timeIntervalSince1970: 0)
    var steps = 0
    var failure: String?
    var isSettled = false
    var lines: [String] = []
    var printsLines = false
    /// How often what happened.
    var tally: [String: Int] = [:]

    // The database of Campaigns.
    var tenants: [TenantRow] = []
    var people: [PersonRow] = []
    var campaigns: [CampaignRow] = []
    var enrolments: [EnrolmentRow] = []
    var enrolmentIndex: [EnrolmentID: Int] = [:]
    var handOvers: [HandOverRow] = []
    var openHandOvers: [Int] = []
    /// Enrolments that need a withdrawal.
    var withdrawing: [Int] = []
    var processedEvents: Set<Int> = []
    /// Whether the last step changed what replicas look for.
    var isTouched = false

    // Delivery, Billing, and the stream of events.
    var mails: [LedgerMail] = []
    var mailByKey: [Int: Int] = [:]
    var mailboxes: [MailboxModel] = []
    var mailboxIndex: [MailboxID: Int] = [:]
    var windows: [WindowModel] = []
    var windowIndex: [SendingWindow: Int] = [:]
    var campaignGates: [Gate] = []
    var tenantGates: [Gate] = []
    var closedEnrolments: Set<Int> = []
    var suppressedPeople: Set<Int> = []
    var outageEnd: Date?
    var reservations: Set<Int> = []
    var stream: [StreamedEvent] = []
    var lastEvent = 0

    var replicas: [Replica] = []
    var proof = Proof()

    init(seed: UInt64, breakage: Breakage? = nil, isTracing: Bool = false) {
        self.seed = seed
        self.breakage = breakage
        self.isTracing = isTracing
        dice = Dice(seed: seed)
        makeWorld()
    }

    /// Runs until everybody is through; gives the first promise that was broken.
    @discardableResult
    func run() -> String? {
        while failure == nil, !isSettled, let next = timeline.next() {
            now = max(now, next.at)
            steps += 1
            handle(next.event)
            if isTouched {
                isTouched = false
                wakeReplicas()
            }
            if steps % 128 == 0 { recount() }
            if steps >= Self.mostSteps { fail("the world does not come to rest; left: \(whatIsLeft() ?? "nothing")") }
        }
        if failure == nil { checkTheEnd() }
        return failure
    }

    private func handle(_ event: Event) {
        switch event {
        case .replica(let index, let token):
            if replicas[index].token == token { step(replica: index) }
        case .mailbox(let index, let token):
            if mailboxes[index].token == token { claim(from: index) }
        case .outcome(let mail): endAttempt(mail)
        case .settle(let mail): settle(mail)
        case .feedback(let mail, let kind, let isMachine): receive(kind, about: mail, isMachine: isMachine)
        case .stream: listen()
        case .gate(let call): set(call)
        case .intervention(let intervention): intervene(intervention)
        }
    }

    /// The first broken promise counts; the world stops there.
    func fail(_ promise: String) {
        guard failure == nil else { return }
        failure = promise
        trace("BROKEN: \(promise)")
    }

    func count(_ what: String) { tally[what, default: 0] += 1 }

    func trace(_ line: @autoclosure () -> String) {
        guard isTracing else { return }
        let text = "\(Self.stamp(now)) \(line())"
        if printsLines { print(text) }
        lines.append(text)
        if lines.count > 240 { lines.removeFirst(120) }
    }

    /// As `2026-03-29 01:00:00`.
    static func stamp(_ instant: Date) -> String {
        guard abs(instant.timeIntervalSince1970) < 1e11 else { return instant == .distantFuture ? "never" : "long ago" }
        let local = ZoneClock.utc.local(at: instant)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(local.dayText) \(two(local.second / 3_600)):\(two(local.second / 60 % 60)):\(two(local.second % 60))"
    }
}

extension Simulation {
    /// What is broken on purpose, to see that the simulation finds it.
    enum Breakage: String, CaseIterable, Sendable {
        /// Delivery takes a send key twice.
        case forgetsSendKeys
        /// The listener believes the last word it hears instead of the newest.
        case ignoresEventVersions
        /// A late call opens or closes a gate again.
        case ignoresGateVersions
        /// Delivery claims in spite of closed gates.
        case ignoresGates
        /// Delivery claims at any hour.
        case ignoresWindow
        /// Delivery keeps no limit of its mailboxes.
        case ignoresPace
        /// The daily cap forgets what is out and not yet sent.
        case ignoresOutstanding
        /// A recall takes also those back that have gone.
        case recallsTooLate
        /// What a dead replica left lies there for ever.
        case neverResumes
        /// Going on from a mail does not wake the scheduler.
        case listenerWakesNobody
        /// Each mail of a thread goes through any mailbox.
        case splitsThreads
    }

    /// Nil when a seed keeps every promise; otherwise how to see it again, what broke, and what went before.
    static func report(ofSeed seed: UInt64) -> String? {
        guard let failure = Simulation(seed: seed).run() else { return nil }
        let again = Simulation(seed: seed, isTracing: true)
        again.run()
        return (["PENGUIN_SEED=\(seed) swift test --filter Simulation", failure] + again.lines.suffix(60)).joined(separator: "\n")
    }
}
