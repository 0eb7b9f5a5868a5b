import Foundation
import IMAP
import Logging
import Synchronization

/// One connection to a mailbox: passes over its folders, and waiting for news between them.
struct MailboxSession: Sendable {
    /// How the scheduler reaches a session from outside.
    final class Hold: Sendable {
        private struct State {
            var connection: IMAPConnection?
            var isLost = false
            var isRecalled = false
            var wasRead = false
        }

        let mailbox: ReadingMailbox
        private let state = Mutex(State())

        init(_ mailbox: ReadingMailbox) {
            self.mailbox = mailbox
        }

        /// Somebody else has the mailbox, or we end: nothing more is read.
        func lose() {
            state.withLock { state in
                state.isLost = true
                return state.connection
            }?.interrupt()
        }

        /// It shall be given back, in order, since another replica has more room.
        func recall() {
            state.withLock { state in
                state.isRecalled = true
                return state.connection
            }?.interrupt()
        }

        /// Everything was read once.
        func noteRead() {
            state.withLock { $0.wasRead = true }
        }

        var wasRead: Bool { state.withLock(\.wasRead) }
        var isLost: Bool { state.withLock(\.isLost) }
        var isRecalled: Bool { state.withLock(\.isRecalled) }

        func use(_ connection: IMAPConnection) {
            let isOver = state.withLock { state in
                state.connection = connection
                return state.isLost
            }
            if isOver { connection.interrupt() }
        }
    }

    let mailbox: ReadingMailbox
    let connection: IMAPConnection
    let reader: FolderReader
    let logger: Logger

    /// What is in the mailbox' folders, asked once a connection.
    func roles() async throws -> IMAPFolderRoles {
        IMAPFolderRoles(try await connection.folders())
    }

    /// Reads all folders, the inbox last, so that the connection can wait for its news; true when the ledger has something to tell others.
    ///
    /// A folder that cannot be read does not keep the others from being read; what went wrong first is thrown at the end.
    func pass(_ roles: IMAPFolderRoles) async throws -> Bool {
        var isTold = false
        var failure: (any Error)?
        for (folder, name) in [(FetchedMail.Folder.sent, roles.sent), (.spam, roles.junk), (.inbox, "INBOX")] {
            guard let name else { continue }
            do {
                if try await reader.read(folder, named: name, of: mailbox, over: connection) { isTold = true }
            } catch {
                failure = failure ?? error
                guard Self.leavesConnection(error) else { break }
            }
        }
        if let failure { throw failure }
        return isTold
    }

    private static func leavesConnection(_ error: any Error) -> Bool {
        if error is FolderReader.Stumbled { return true }
        return (error as? IMAPError)?.code == .commandRefused
    }

    /// What ended a wait.
    enum Notice {
        case mail
        /// Time for the other folders, or for a new IDLE.
        case time
    }

    /// Waits for news of the open folder, which takes no thread.
    func wait(_ watch: SocketWatch, within limit: Duration) async throws -> Notice {
        let deadline = ContinuousClock.now + limit
        if try await connection.beginIdle() {
            _ = try await connection.endIdle()
            return .mail
        }
        while await watch.readable(connection.descriptor, within: max(.zero, deadline - .now)) {
            // Many servers say something now and then, only to keep the line open.
            guard try await connection.news() else { continue }
            _ = try await connection.endIdle()
            return .mail
        }
        try Task.checkCancellation()
        return try await connection.endIdle() ? .mail : .time
    }
}
