import Contracts
import Foundation
import IMAP
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Streams
import Synchronization

/// Reads the mailboxes of all tenants with few threads, each mailbox by one replica at a time.
///
/// Which is read next says the database: whichever has waited longest and is in nobody's hands. A pass takes one of a few permits, as many as there
/// are reader threads, since libetpan blocks: four of them and a pass of a quarter of a second read some thousand mailboxes a minute. A connection
/// that idles takes neither permit nor thread: one thread polls all their sockets, and a permit is asked for when there is news. A tenant that has
/// half of the permits stands behind the others, so that servers that answer slowly cost their own tenant's mailboxes the time and not everybody's.
struct MailboxReading: Service {
    struct Settings: Sendable {
        var threads = 4
        var poll: TimeInterval = 60
        /// Connections that wait for news at most.
        var idle = 200
        var lease: TimeInterval = 60
        /// Servers hang up on an IDLE after 30 minutes.
        var renewal = Duration.seconds(28 * 60)
        /// How often the folders beside the inbox are read while the connection idles.
        var sidePass: Duration { min(renewal, .seconds(poll * 5)) }
    }

    /// Opens a connection to a mailbox and signs in.
    typealias Connect = @Sendable (ReadingMailbox) async throws -> IMAPConnection

    let settings: Settings
    let store: ReaderStore
    let reader: FolderReader
    let connect: Connect
    let results: PassResults
    let holder: String
    let wakeup: Wakeup
    let clock: WallClock
    let logger: Logger
    private let permits: Permits
    private let watch = SocketWatch()
    private let held = HeldMailboxes()

    init(
        settings: Settings, store: ReaderStore, reader: FolderReader, connect: @escaping Connect, results: PassResults, holder: String,
        wakeup: Wakeup, clock: WallClock, logger: Logger
    ) {
        self.settings = settings
        self.store = store
        self.reader = reader
        self.connect = connect
        self.results = results
        self.holder = holder
        self.wakeup = wakeup
        self.clock = clock
        self.logger = logger
        permits = Permits(settings.threads)
    }

    func run() async throws {
        held.allowIdle(settings.idle)
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    await repeatWork("sharing of mailboxes", logger: logger, rest: { try? await Task.sleep(for: .seconds(settings.lease / 3)) }) {
                        try await share()
                        return false
                    }
                }
                await schedule(&group)
                held.loseAll()
            }
        }
        // So that nobody waits for the leases to end.
        try? await Task { try await store.releaseAll(by: holder, now: clock.now) }.value
    }

    /// Hands out mailboxes that are due, until the service ends.
    private func schedule(_ group: inout DiscardingTaskGroup) async {
        var outage = Outage(what: "reading of mailboxes", logger: logger)
        while !Task.isCancelled {
            await permits.acquire()
            do {
                let mailbox = try await claim()
                outage.ended()
                guard let mailbox else {
                    permits.release()
                    await wakeup.wait(atMost: .seconds(1))
                    continue
                }
                let hold = MailboxSession.Hold(mailbox)
                held.add(hold)
                group.addTask { await serve(hold) }
            } catch {
                permits.release()
                if Task.isCancelled { return }
                try? await Task.sleep(for: outage.pause(after: error))
            }
        }
    }

    /// Those of tenants with few permits first; the others only as long as a permit is left for whoever comes next.
    private func claim() async throws -> ReadingMailbox? {
        let (busy, now) = (held.busy(limit: max(1, settings.threads / 2)), clock.now)
        let hasSpare = settings.threads == 1 || held.workingCount + 1 < settings.threads
        if let mailbox = try await store.claim(by: holder, notOf: busy, lease: settings.lease, now: now) { return mailbox }
        return hasSpare && !busy.isEmpty ? try await store.claim(by: holder, notOf: [], lease: settings.lease, now: now) : nil
    }

    // MARK: - One mailbox

    /// Begins with a permit, and gives it back.
    private func serve(_ hold: MailboxSession.Hold) async {
        let mailbox = hold.mailbox
        let result = await withTaskCancellationHandler {
            await read(hold)
        } onCancel: {
            hold.lose()
        }
        held.remove(hold)
        // Written also when we end: whoever reads it next need not wait for the lease.
        await Task { await results.write(result, of: mailbox) }.value
        wakeup.signal()
    }

    private func read(_ hold: MailboxSession.Hold) async -> PassResult {
        let mailbox = hold.mailbox
        var hasPermit = true
        defer { if hasPermit { leave(hold) } }
        var connection: IMAPConnection?
        do {
            let opened = try await connect(mailbox)
            connection = opened
            hold.use(opened)
            let session = MailboxSession(mailbox: mailbox, connection: opened, reader: reader, logger: logger)
            let roles = try await session.roles()
            if try await session.pass(roles) { results.tell() }
            hold.noteRead()
            if await opened.canIdle, held.park(hold) {
                defer { held.unpark(hold) }
                try await wait(session, roles, hold, &hasPermit)
            }
            await opened.logout()
            return .read(next: clock.now.addingTimeInterval(settings.poll))
        } catch {
            if !(error is IMAPError) { await connection?.logout() }
            return result(of: error, hold)
        }
    }

    /// Waits for news and reads them, until the mailbox is given back.
    private func wait(
        _ session: MailboxSession, _ roles: IMAPFolderRoles, _ hold: MailboxSession.Hold, _ hasPermit: inout Bool
    ) async throws {
        guard try await store.markIdle(hold.mailbox, now: clock.now) else { throw FolderStore.Overtaken() }
        try await results.resume(hold.mailbox)
        while true {
            leave(hold)
            hasPermit = false
            let notice = try await session.wait(watch, within: settings.sidePass)
            await permits.acquire()
            held.enter(hold)
            hasPermit = true
            let isTold =
                switch notice {
                case .mail: try await session.reader.read(.inbox, named: "INBOX", of: hold.mailbox, over: session.connection)
                case .time: try await session.pass(roles)
                }
            if isTold { results.tell() }
            guard try await store.markIdle(hold.mailbox, now: clock.now) else { throw FolderStore.Overtaken() }
        }
    }

    private func leave(_ hold: MailboxSession.Hold) {
        held.leave(hold)
        permits.release()
    }

    /// What an error means for the mailbox: its own trouble, or ours.
    private func result(of error: any Error, _ hold: MailboxSession.Hold) -> PassResult {
        let (mailbox, now) = (hold.mailbox, clock.now)
        if hold.isRecalled || hold.isLost || Task.isCancelled || error is FolderStore.Overtaken { return .handedBack(mailbox, next: now) }
        switch error {
        case let error as IMAPError:
            logger.debug("mailbox not read", metadata: ["mailbox": "\(mailbox.id)", "error": "\(error)"])
            // Where it was read before the line broke, what was before that says nothing any more.
            let wasRead = hold.wasRead
            return .failed(
                error, before: wasRead ? 0 : mailbox.failures, isFailing: !wasRead && mailbox.isFailing, spread: Double.random(in: -1...1), now: now)
        case let error as AccessTokenError:
            // Who hands out tokens has said more.
            logger.debug("mailbox not read", metadata: ["mailbox": "\(mailbox.id)", "error": "\(error)"])
        case let stumbled as FolderReader.Stumbled:
            logger.warning("mail not taken in", metadata: ["mailbox": "\(mailbox.id)", "uid": "\(stumbled.uid)", "error": "\(stumbled.reason)"])
        default: logger.warning("mailbox not read", metadata: ["mailbox": "\(mailbox.id)", "error": "\(error)"])
        }
        return .handedBack(mailbox, next: now.addingTimeInterval(settings.poll / 2))
    }

    // MARK: - Sharing

    /// Signs, keeps the leases alive, lets go of what was lost, and gives back what others have more room for.
    private func share() async throws {
        // Those that are taken while the database is asked are not in its answer, and are not lost.
        let before = held.all
        let still = try await store.renew(by: holder, lease: settings.lease, now: clock.now)
        for hold in before where still[hold.mailbox.id] != hold.mailbox.fence { hold.lose() }
        let (replicas, idle) = try await store.sign(holder, lease: settings.lease)
        let fair = (idle + replicas - 1) / max(1, replicas)
        // A little more than the fair share is let be: mailboxes would wander about for nothing.
        held.allowIdle(replicas > 1 ? min(settings.idle, fair + max(2, fair / 10)) : settings.idle)
    }

    /// How reading fares, for the public status: a mailbox that waits for long although it can be read is our fault.
    func health() async -> PartHealth {
        do {
            let (active, late) = try await store.health(late: clock.now.addingTimeInterval(-max(300, settings.poll * 5)))
            if late * 2 > active { return .bad }
            return late * 20 > active ? .impaired : .good
        } catch {
            return .bad
        }
    }
}
