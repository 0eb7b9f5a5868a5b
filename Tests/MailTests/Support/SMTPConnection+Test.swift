import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Mail

extension SMTPConnection {
    static let trust = Result { try SMTPTrust() }

    /// A connection with what most tests do not care about.
    static func connect(
        to server: SMTPServer, credentials: SMTPCredentials? = nil, trust: SMTPTrust? = nil, timeouts: SMTPTimeouts = SMTPTimeouts(),
        reach: SMTPReach = .anywhere
    ) async throws -> SMTPConnection {
        try await connect(
            to: server, credentials: credentials, on: .singletonMultiThreadedEventLoopGroup, trust: trust ?? Self.trust.get(), timeouts: timeouts,
            reach: reach, clientName: "client.example", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

extension SMTPConnection {
    /// Whether this side knows that the connection is over, even while a message is under way.
    var isClosed: Bool { !handler.value.isOpen }
}

extension SMTPEnvelope {
    static func sample() throws -> SMTPEnvelope {
        SMTPEnvelope(sender: try MailAddress("grace@sender.example"), recipients: [try MailAddress("ada@reader.example")])
    }
}

/// The error that `operation` has to throw.
func smtpError(sourceLocation: SourceLocation = #_sourceLocation, _ operation: () async throws -> Void) async throws -> SMTPError {
    do {
        try await operation()
    } catch let error as SMTPError {
        return error
    }
    Issue.record("no error was thrown", sourceLocation: sourceLocation)
    throw CancellationError()
}

/// What happened, in order, as seen from several tasks.
final class Journal: Sendable {
    private let entries = Mutex<[String]>([])

    func add(_ entry: String) {
        entries.withLock { $0.append(entry) }
    }

    var all: [String] { entries.withLock { $0 } }
}
