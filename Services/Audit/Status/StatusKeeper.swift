import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Turns looks into minutes, incidents and history.
///
/// Memory leads, the database follows: what is seen while Postgres is away is shown at once and written when it is back.
actor StatusKeeper: Service {
    private let board: StatusBoard
    private let database: Database
    private let holder: String
    let interval: Duration
    private let clock: WallClock
    /// The clock that nobody sets.
    private let machine: @Sendable () -> ContinuousClock.Instant
    private let logger: Logger

    private var watches: [String: ComponentWatch] = [:]
    private var ledger = MinuteLedger()
    private var unsaved: [IncidentChange] = []
    private var history = StatusHistory()
    private var isRestored = false
    private var steps = ClockSteps()
    /// The minute whose days were read last: they change once a minute.
    private var daysReadIn: Int64?

    /// `database` is the `_worker` role; `holder` names this replica, the same after a restart.
    init(
        board: StatusBoard, database: Database, holder: String, interval: Duration, clock: WallClock, logger: Logger,
        machine: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.board = board
        self.database = database
        self.holder = holder
        self.interval = interval
        self.clock = clock
        self.logger = logger
        self.machine = machine
    }

    /// Keeps; ``StatusLooks`` looks, so that this goes on while the database hangs or is not there yet.
    func run() async throws {
        let interval = interval
        await repeatWork(
            "keeping the status", logger: logger, rest: { try? await Task.sleep(for: interval) },
            step: {
                try await self.keep()
                return false
            })
    }

    /// One look at the board: decides about incidents and counts the minute. Needs nothing but memory.
    func look() {
        let now = clock.now
        let step = steps.step(wall: now, machine: machine())
        if step != 0 {
            logger.notice("the clock was set", metadata: ["seconds": "\(step)"])
            for component in watches.keys { watches[component]?.shift(by: step) }
        }
        for (component, status) in board.observed(now: now) {
            var watch = watches[component] ?? ComponentWatch()
            switch watch.observe(status, now: now) {
            case .open:
                let id = IncidentID(.v7(at: now))
                watch.incident = id
                change(.opened(.automatic(id, on: component, status, since: watch.troubledSince ?? now, now: now)))
            case .resolve(let id):
                let message = "\(StatusPart.title(of: component)) works again."
                change(.resolved(id, Incident.Update(id: .init(.v7(at: now)), state: .resolved, message: message, at: now)))
            case nil: break
            }
            watches[component] = watch
        }
        board.publish(history)
        for component in board.components(now: now) { ledger.observe(component.name, component.status, at: now) }
    }

    /// Writes what is new and reads what others wrote.
    func keep() async throws {
        let now = clock.now
        if !isRestored { try await restore(now: now) }
        let (minute, count) = (MinuteLedger.minute(of: now), unsaved.count)
        let findings = StatusStore.Findings(watches: watches, samples: board.samples, ledger: ledger, changes: unsaved, now: now)
        let isHolder = try await StatusStore.save(findings, as: holder, lease: lease, in: database)
        // Looks may have come meanwhile: what they brought stays.
        unsaved.removeFirst(count)
        if isHolder {
            ledger.forget(before: minute)
        } else {
            // Its minutes stay: whoever writes may end before it has written the same ones, and none is counted twice.
            let remembered = try await StatusStore.remembered(in: database)
            watches = remembered.mapValues(\.watch)
            unsaved = []
        }
        try await read(now: now, minute: minute)
    }

    private func read(now: Date, minute: Int64) async throws {
        var new = StatusHistory(
            incidents: try await IncidentStore.shown(now: now, in: database),
            maintenances: try await IncidentStore.announced(now: now, in: database), days: history.days, readAt: now)
        if daysReadIn != minute {
            new.days = try await StatusStore.days(until: UptimeDay.number(of: now), in: database)
            daysReadIn = minute
        }
        for change in unsaved { new.apply(change) }
        history = new
        board.publish(new)
    }

    /// Goes on where an earlier process of this or another replica stopped.
    private func restore(now: Date) async throws {
        let remembered = try await StatusStore.remembered(in: database)
        // Another look may have been at work while the database answered, so the merge is one step without a pause.
        board.restore(remembered.mapValues(\.samples), now: now)
        for (component, earlier) in remembered {
            var watch = watches[component] ?? ComponentWatch()
            let mine = watch.incident
            watch.adopt(earlier.watch, seenAt: earlier.seenAt, now: now)
            // The trouble has an incident already: the one that this process opened meanwhile was never told to anybody else.
            if let mine, watch.incident != mine { unsaved.removeAll { $0.opens(mine) } }
            watches[component] = watch
        }
        isRestored = true
    }

    private func change(_ change: IncidentChange) {
        unsaved.append(change)
        history.apply(change)
    }

    /// Long enough that a slow round does not lose it.
    private var lease: TimeInterval {
        max(30, 3 * Double(interval.components.seconds))
    }
}

extension IncidentChange {
    fileprivate func opens(_ id: IncidentID) -> Bool {
        if case .opened(let incident) = self { incident.id == id } else { false }
    }
}
