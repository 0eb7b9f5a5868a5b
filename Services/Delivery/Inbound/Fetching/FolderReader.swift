import Contracts
import Foundation
import IMAP
import Logging
import Postgres
import Primitives

/// Takes a fetched batch in, in the transaction that remembers that it was: others' business with mail that came.
typealias MailProcessing = @Sendable ([FetchedMail], Transaction) async throws -> Void

/// Reads what is new in one folder of a mailbox, each mail into the database exactly once.
///
/// A batch is fetched first, then taken in and passed over in one transaction: when the line breaks before the commit, the same mails are fetched
/// again; after it they are not.
struct FolderReader: Sendable {
    /// A mail that could not be taken in stands in the way; it is tried again later.
    struct Stumbled: Error {
        let uid: UInt32
        let reason: String
    }

    let database: Database
    let process: MailProcessing
    /// Called after each commit that took mails in: what they led to waits in the outbox.
    let tell: @Sendable () -> Void
    let copies: SentCopies
    let quarantine: Quarantine
    let windows: FolderPlan.Windows
    let limits: IMAPLimits
    let clock: WallClock
    let logger: Logger

    /// True when the ledger has something to tell others.
    func read(
        _ folder: FetchedMail.Folder, named name: String, of mailbox: ReadingMailbox, over connection: IMAPConnection
    ) async throws -> Bool {
        let store = FolderStore(mailbox: mailbox, folder: folder)
        let state = try await connection.examine(name)
        let known = try await store.position(in: database)
        var reading = Reading(store: store, connection: connection, isTold: false)
        switch FolderPlan(known: known, name: name, state: state, windows: windows, now: clock.now) {
        case .nothing: break
        case .from(let uid):
            guard let known else { break }
            reading.position = known
            try await read(try await connection.search(from: uid), &reading)
        case .since(let date):
            let found = try await begin(name, state, since: date, instead: known, &reading)
            try await read(found, &reading)
        }
        if folder == .sent, try await settleOnly(mailbox) { reading.isTold = true }
        try await store.rest(at: clock.now, in: database)
        return reading.isTold
    }

    private struct Reading {
        let store: FolderStore
        let connection: IMAPConnection
        var position = FolderPosition(name: "", uidValidity: 0, lastUID: 0)
        var isTold: Bool
    }

    /// A send may have become ambiguous after its copy was read.
    private func settleOnly(_ mailbox: ReadingMailbox) async throws -> Bool {
        let now = clock.now
        return try await database.transaction { try await copies.note([], of: mailbox, at: now, in: $0) }
    }

    /// Sets the position before the first mail of the window; the mails in it.
    private func begin(
        _ name: String, _ state: IMAPFolderState, since date: Date, instead known: FolderPosition?, _ reading: inout Reading
    ) async throws -> [UInt32] {
        // The search knows days only, and those of the server's own zone; which mails are early is told by their overview.
        var window = try await reading.connection.search(since: date.addingTimeInterval(-86_400))
        while !window.isEmpty {
            let head = Array(window.prefix(Self.overviews))
            let early = Set(try await reading.connection.overview(of: head).filter { $0.receivedAt < date }.map(\.uid))
            let late = Set(head).subtracting(early)
            window.removeAll { early.contains($0) }
            // Mails lie in the order of their coming, so that after a whole stretch of late ones no early one follows that matters.
            if !late.isEmpty || early.isEmpty { break }
        }
        let last =
            if let first = window.first { first - 1 } else if let next = state.uidNext { next - 1 } else {
                try await reading.connection.lastUID()
            }
        let position = FolderPosition(name: name, uidValidity: state.uidValidity, lastUID: last)
        try await reading.store.begin(position, instead: known, in: database)
        reading.position = position
        if let known, known.uidValidity != state.uidValidity {
            logger.notice(
                "a mailbox numbers its mails anew",
                metadata: ["mailbox": "\(reading.store.mailbox.id)", "folder": "\(reading.store.folder.rawValue)", "mails": "\(window.count)"])
        }
        return window
    }

    private static let overviews = 200

    private func read(_ uids: [UInt32], _ reading: inout Reading) async throws {
        for start in stride(from: 0, to: uids.count, by: Self.overviews) {
            let stretch = Array(uids[start..<min(start + Self.overviews, uids.count)])
            let mails = try await reading.connection.overview(of: stretch)
            let isOne = reading.position.stumbleUID != nil
            for batch in FetchBatch.split(mails, headersOnly: reading.store.folder == .sent, one: isOne, limits: limits) {
                let fetched = try await fetch(batch, reading)
                try await take(fetched, upTo: batch.uids.last ?? reading.position.lastUID, &reading)
            }
            // Those that were gone when they were looked at.
            if let last = stretch.last, last > reading.position.lastUID { try await take([], upTo: last, &reading) }
        }
    }

    private func fetch(_ batch: FetchBatch, _ reading: Reading) async throws -> [FetchedMail] {
        let mailbox = reading.store.mailbox
        let mails: [IMAPMail]
        do throws(IMAPError) {
            mails =
                batch.headersOnly
                ? try await reading.connection.headers(batch.uids) : try await reading.connection.mails(batch.uids, size: batch.size)
        } catch {
            guard [.tooLarge, .protocolViolation, .commandRefused].contains(error.code), let uid = batch.uids.first else { throw error }
            // The server cannot give this mail, or not as it says: it must not stand before all others for ever.
            if batch.uids.count > 1 {
                _ = try await reading.store.stumble(over: uid, in: database)
            } else {
                _ = try await passOver(uid, nil, "\(error)", reading)
            }
            throw error
        }
        return mails.map { mail in
            FetchedMail(
                tenant: mailbox.tenant, workspace: mailbox.workspace, mailbox: mailbox.id, folder: reading.store.folder,
                uidValidity: reading.position.uidValidity, uid: mail.uid, receivedAt: mail.receivedAt, bytes: mail.bytes)
        }
    }

    /// Takes a batch in; where that fails for the mails' sake, each by itself.
    private func take(_ mails: [FetchedMail], upTo uid: UInt32, _ reading: inout Reading) async throws {
        do {
            try await commit(mails, upTo: uid, &reading)
        } catch {
            guard Self.isForTheMail(error), !mails.isEmpty else { throw error }
            if mails.count == 1 {
                guard try await passOver(mails[0].uid, mails[0], "\(error)", reading) else {
                    throw Stumbled(uid: mails[0].uid, reason: "\(error)")
                }
                reading.position = Self.moved(reading.position, to: mails[0].uid)
            } else {
                for mail in mails { try await take([mail], upTo: mail.uid, &reading) }
            }
            if uid > reading.position.lastUID { try await commit([], upTo: uid, &reading) }
        }
    }

    private func commit(_ mails: [FetchedMail], upTo uid: UInt32, _ reading: inout Reading) async throws {
        let (store, position, now) = (reading.store, reading.position, clock.now)
        let (isNew, isTold) = try await database.transaction { transaction in
            try await store.move(from: position, to: uid, in: transaction)
            var digests: [Data: FetchedMail] = [:]
            for mail in mails {
                let digest = FolderStore.digest(MailHeader(of: mail.bytes).identity(in: mail.folder))
                digests[digest] = digests[digest] ?? mail
            }
            let taken = try await store.take(Array(digests.keys), at: now, in: transaction)
            let new = digests.filter { taken.contains($0.key) }.values.sorted { $0.uid < $1.uid }
            guard !new.isEmpty else { return (false, false) }
            try await process(new, transaction)
            return (true, store.folder == .sent ? try await copies.note(new, of: store.mailbox, at: now, in: transaction) : false)
        }
        // A reply stops its sequence now, not with the next look of the relay.
        if isNew { tell() }
        reading.position = Self.moved(position, to: uid)
        reading.isTold = reading.isTold || isTold
    }

    /// True when the mail is in quarantine now; false when it is to be tried again.
    private func passOver(_ uid: UInt32, _ mail: FetchedMail?, _ reason: String, _ reading: Reading) async throws -> Bool {
        let (store, position, now) = (reading.store, reading.position, clock.now)
        guard try await store.stumble(over: uid, in: database) >= Quarantine.tries else { return false }
        try await database.transaction { transaction in
            try await store.move(from: position, to: uid, in: transaction)
            try await quarantine.add(
                mail, uid: uid, uidValidity: position.uidValidity, folder: store.folder, of: store.mailbox, reason: reason, at: now, in: transaction)
        }
        logger.error(
            "mail quarantined",
            metadata: ["mailbox": "\(store.mailbox.id)", "folder": "\(store.folder.rawValue)", "uid": "\(uid)", "reason": "\(reason.prefix(500))"])
        return true
    }

    private static func moved(_ position: FolderPosition, to uid: UInt32) -> FolderPosition {
        var moved = FolderPosition(name: position.name, uidValidity: position.uidValidity, lastUID: uid)
        if let stumble = position.stumbleUID, stumble > uid { (moved.stumbleUID, moved.stumbles) = (stumble, position.stumbles) }
        return moved
    }

    /// Whether trying the same mail again is of little use: neither the database's trouble, nor somebody else's lease, nor our own end.
    private static func isForTheMail(_ error: any Error) -> Bool {
        if error is FolderStore.Overtaken || error is CancellationError { return false }
        if let error = error as? PostgresError, error.code == .cancelled { return false }
        return (error as? any TransientError)?.isTransient != true
    }
}
