import Contracts
import Foundation
import HTTP
import Hummingbird
import IMAP
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Reading people's mailboxes: the accounts, the readers, and what the folder of sent mail tells the ledger.
struct FetchingFeature: Sendable {
    /// Signs a mailbox in by an access token, with one token or, when the server does not take that, with another; throws ``IMAPError`` with
    /// `authenticationFailed` where its owner has to do something.
    typealias TokenSignIn = @Sendable (ReadingMailbox, @Sendable (String) async throws -> IMAPConnection) async throws -> IMAPConnection

    static let keys = [
        ConfigurationKey("delivery.imap.threads", "Threads that read mailboxes.", default: "4"),
        ConfigurationKey("delivery.imap.poll.seconds", "How often a mailbox is read whose server tells no news by itself.", default: "60"),
        ConfigurationKey(
            "delivery.imap.idle.connections", "Connections that wait for news (IDLE) at most; each is a socket, not a thread.", default: "200"),
        ConfigurationKey("delivery.imap.lease.seconds", "How long a mailbox is a reader's without a sign of life.", default: "60"),
        ConfigurationKey("delivery.imap.first.days", "How many days back a mailbox is read when it is connected.", default: "3"),
        ConfigurationKey("delivery.imap.resync.days", "How many days back it is read when its server numbers the mails anew.", default: "7"),
    ]

    let accounts: ReadingAccounts
    let reading: MailboxReading
    private let store: MailboxStore
    private let retention: JobHandler
    private let desk: QuarantineDesk

    /// `process` takes mails in, in the transaction that remembers that they were: when it throws, they come again, and after three times alone in a
    /// batch they are quarantined. Mails of the folder of sent mail, and those above 25 MB, come as their headers only.
    init(
        _ house: House, links: UnsubscribeLinks, ambiguous: AmbiguousSends, digests: AddressDigests, byToken: @escaping TokenSignIn,
        process: @escaping MailProcessing
    ) throws {
        let settings = house.settings
        let days = 86_400.0
        let threads = try settings.integer("delivery.imap.threads", in: 1...64)
        let file = settings["mail.ca.file"]
        let trust = try IMAPTrust(certificateFile: file.isEmpty ? nil : file)
        guard let reach = IMAPReach(rawValue: settings["delivery.smtp.reach"]) else {
            throw SettingsError(problems: ["delivery.smtp.reach must be public or anywhere"])
        }
        let limits = IMAPLimits()
        let (keyring, logger, wakeup, outbox) = (house.keyring, house.logger, Wakeup(), house.outbox)
        func connector(_ threads: ReaderThreads, _ timeouts: IMAPTimeouts) -> IMAPConnector {
            IMAPConnector { server, credentials throws(IMAPError) in
                try await IMAPConnection.connect(
                    to: server, credentials: credentials, on: threads, trust: trust, timeouts: timeouts, limits: limits, reach: reach,
                    logger: logger)
            }
        }
        let reader = FolderReader(
            database: house.worker, process: process, tell: { outbox.wake() }, copies: SentCopies(links: links, ambiguous: ambiguous),
            quarantine: Quarantine(keyring: keyring, digests: digests),
            windows: FolderPlan.Windows(
                first: Double(try settings.integer("delivery.imap.first.days", in: 0...29)) * days,
                // What was taken in longer ago is not known any more, and would be taken in twice.
                resync: Double(try settings.integer("delivery.imap.resync.days", in: 1...29)) * days),
            limits: limits, clock: house.clock, logger: logger)
        let readingConnector = connector(ReaderThreads(count: threads), IMAPTimeouts())
        reading = MailboxReading(
            settings: .init(
                threads: threads, poll: Double(try settings.integer("delivery.imap.poll.seconds", in: 1...86_400)),
                idle: try settings.integer("delivery.imap.idle.connections", in: 0...10_000),
                lease: Double(try settings.integer("delivery.imap.lease.seconds", in: 3...3_600))),
            store: ReaderStore(database: house.worker), reader: reader,
            connect: { mailbox in
                guard let sealed = mailbox.passwordSealed else {
                    return try await byToken(mailbox) { token in
                        try await readingConnector.connect(mailbox.server, .accessToken(username: mailbox.username, token: token))
                    }
                }
                let secret = try keyring.open(sealed, for: ReadingMailbox.place(mailbox.id, of: mailbox.tenant))
                return try await readingConnector.connect(
                    mailbox.server, .password(username: mailbox.username, password: String(decoding: secret, as: UTF8.self)))
            },
            results: PassResults(database: house.worker, outbox: house.outbox, clock: house.clock, logger: logger),
            holder: "\(house.instance)-\(UUID().uuidString.prefix(8))", wakeup: wakeup, clock: house.clock, logger: logger)
        // Whoever sets up a mailbox does not wait behind those that are read, and not for long.
        let patience = IMAPTimeouts(connect: .seconds(10), greeting: .seconds(10), command: .seconds(10))
        accounts = ReadingAccounts(
            database: house.api, worker: house.worker, connector: connector(ReaderThreads(count: 4), patience), keyring: keyring,
            outbox: house.outbox, wakeup: wakeup,
            clock: house.clock)
        store = MailboxStore(database: house.api)
        desk = QuarantineDesk(
            database: house.api, worker: house.worker, keyring: keyring, outbox: outbox, clock: house.clock, process: process)
        let (database, clock) = (house.worker, house.clock)
        retention = { _ in
            try await Quarantine.prune(in: database, now: clock.now)
            return .done
        }
    }

    func routes(on router: Router<AppContext>) {
        QuarantineRoutes(desk: desk, store: store, accounts: accounts).add(to: router)
        router.put("/api/v1/mailboxes/{id}/imap") { request, context in
            let identity = try context.require(atLeast: .member)
            let account = try await request.json(IMAPAccount.self)
            try account.check()
            let found = try await store.find(try context.identifier("id", as: MailboxID.self), of: identity.tenant)
            guard let found, identity.mayUse(found.workspace) else { throw Problem.notFound("mailbox") }
            let record = context.audit(
                "mailbox.connect_imap", targets: [.init(type: "mailbox", id: found.id.description, name: found.address)])
            return try Response.json(try await accounts.change(found, account, by: identity, audit: record))
        }
    }

    var handlers: [String: JobHandler] { ["inbound.retention": retention] }

    var background: [any Service] { [reading] }

    /// How the inbox fares, for the public status.
    func health() async -> PartHealth {
        await reading.health()
    }
}
