import Foundation
import IMAP
import Logging
import TestSupport
import Testing

/// The server that most mailboxes outside of the large providers stand behind.
@Suite("Reading from Dovecot", .timeLimit(.minutes(3)), .enabled(if: TestMailboxServer.isPossible, "Dovecot needs root"))
struct RealServerTests {
    private static let threads = ReaderThreads(count: 2)

    private func connect(
        _ server: TestMailboxServer, security: IMAPSecurity = .tls, host: String = "localhost", port: Int? = nil,
        credentials: IMAPCredentials = .password(username: TestMailboxServer.user, password: TestMailboxServer.password),
        trusted: Bool = true, reach: IMAPReach = .anywhere
    ) async throws -> IMAPConnection {
        try await IMAPConnection.connect(
            to: IMAPServer(host: host, port: port ?? (security == .tls ? server.ports.imaps : server.ports.imap), security: security),
            credentials: credentials, on: Self.threads, trust: try IMAPTrust(certificateFile: trusted ? server.authorityFile : nil), reach: reach,
            logger: Logger(label: "test"))
    }

    private func mail(_ number: Int, lines: Int = 3) -> String {
        "From: Ada <ada@reader.example>\nSubject: mail \(number)\nMessage-ID: <\(number)@reader.example>\n\n"
            + String(repeating: "a line (with {5} brackets\n", count: lines)
    }

    @Test("mails are read as they are, by whole and by header, and what was unread stays unread")
    func reading() async throws {
        let server = try await TestMailboxServer.start()
        let day = Date(timeIntervalSinceNow: -3 * 86_400)
        try server.deliver(mail(1), receivedAt: day)
        try server.deliver(mail(2, lines: 40_000))
        try server.deliver(mail(3))
        for security in [IMAPSecurity.tls, .startTLS, .unprotected] {
            let connection = try await connect(server, security: security)
            let state = try await connection.examine("INBOX")
            #expect(state.count == 3 && state.uidNext == 4 && state.uidValidity > 0)
            #expect(try await connection.search(from: 2) == [2, 3])
            #expect(try await connection.search(from: 9) == [])
            #expect(try await connection.search(since: Date(timeIntervalSinceNow: -86_400)) == [2, 3])
            let overview = try await connection.overview(of: [1, 2, 3])
            #expect(overview.map(\.uid) == [1, 2, 3] && overview.allSatisfy { !$0.isSeen })
            #expect(abs(overview[0].receivedAt.timeIntervalSince(day)) < 2)
            let mails = try await connection.mails([1, 2, 3], size: overview.reduce(0) { $0 + $1.size })
            #expect(
                mails.map { String(decoding: $0.bytes, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n") } == [
                    mail(1), mail(2, lines: 40_000), mail(3),
                ])
            let headers = try await connection.headers([1, 3])
            #expect(
                headers.map { String(decoding: $0.bytes, as: UTF8.self) }.allSatisfy { $0.hasSuffix("@reader.example>\r\n\r\n") }
                    && headers.count == 2)
            try await connection.noop()
            await connection.logout()
        }
        #expect(try server.readCount() == 0)
        let connection = try await connect(server)
        _ = try await connection.examine("INBOX")
        #expect(try await connection.overview(of: [1, 2, 3]).allSatisfy { !$0.isSeen })
    }

    @Test("nobody is spoken to whose certificate is from a stranger, or for another name, whichever way encryption begins")
    func certificates() async throws {
        let server = try await TestMailboxServer.start()
        for security in [IMAPSecurity.tls, .startTLS] {
            let stranger = try await imapError { _ = try await connect(server, security: security, trusted: false) }
            #expect(stranger.code == .tlsFailed && stranger.message.contains("issuer is unknown"), "\(stranger)")
            // The certificate is for localhost.
            let other = try await imapError { _ = try await connect(server, security: security, host: "127.0.0.1") }
            #expect(other.code == .tlsFailed && other.message.contains("name"), "\(other)")
        }
    }

    @Test("passwords with quotes and access tokens sign in; wrong ones are told with the server's words, and are not worth a quick retry")
    func signingIn() async throws {
        let server = try await TestMailboxServer.start()
        let token = TestMailboxServer.accessToken(for: TestMailboxServer.user)
        let connection = try await connect(server, credentials: .accessToken(username: TestMailboxServer.user, token: token))
        #expect(try await connection.examine("INBOX").count == 0)
        #expect(await connection.canIdle)
        let refusals: [IMAPCredentials] = [
            .password(username: TestMailboxServer.user, password: "wrong"), .accessToken(username: TestMailboxServer.user, token: "wrong"),
        ]
        for credentials in refusals {
            let error = try await imapError { _ = try await connect(server, credentials: credentials) }
            #expect(error.code == .authenticationFailed && !error.isTransient && error.words?.contains("AUTHENTICATIONFAILED") == true, "\(error)")
        }
    }

    @Test("an address inside is not connected to, and nobody learns whether something answers there")
    func reach() async throws {
        let server = try await TestMailboxServer.start()
        let inside = try await imapError { _ = try await connect(server, reach: .publicAddresses) }
        let nobody = try await imapError { _ = try await connect(server, port: try freePort(), reach: .publicAddresses) }
        let unknown = try await imapError { _ = try await connect(server, host: "nowhere.invalid", reach: .publicAddresses) }
        #expect(inside.code == .connectFailed && inside.description == nobody.description && inside.description == unknown.description)
    }

    @Test("the folders for sent and unwanted mail are found by what the server says of them")
    func folders() async throws {
        let server = try await TestMailboxServer.start()
        let connection = try await connect(server)
        let roles = IMAPFolderRoles(try await connection.folders())
        #expect(roles.sent == "Gesendete Elemente" && roles.junk == "Unfug")
        let sent = try #require(roles.sent)
        #expect(try await connection.examine(sent).count == 0)
        let error = try await imapError { _ = try await connection.examine("No such folder") }
        #expect(error.code == .commandRefused)
        // A refusal leaves the connection good.
        try await connection.noop()
    }

    @Test("news comes while no thread waits, and mail that came before the wait is told at once")
    func idling() async throws {
        let server = try await TestMailboxServer.start()
        let watch = SocketWatch()
        let connection = try await connect(server)
        #expect(try await connection.examine("INBOX").count == 0)
        #expect(try await connection.beginIdle() == false)
        #expect(await watch.readable(connection.descriptor, within: .milliseconds(50)) == false)
        try server.deliver(mail(1))
        #expect(await watch.readable(connection.descriptor, within: .seconds(10)))
        #expect(try await connection.news())
        try await connection.endIdle()
        #expect(try await connection.search(from: 1) == [1])
        // One that is told with the answer to another command.
        try server.deliver(mail(2))
        try await eventually("the server has noticed") {
            try await connection.noop()
            if try await connection.beginIdle() { return true }
            return try await connection.endIdle()
        }
        #expect(try await connection.search(from: 2) == [2])
    }

    @Test("a line that breaks in the middle of a mail is told as such")
    func cut() async throws {
        let server = try await TestMailboxServer.start()
        try server.deliver(mail(1, lines: 100_000))
        let line = try await CutLine.start(to: server.ports.imaps)
        line.cut(after: 100_000)
        let connection = try await connect(server, port: line.port)
        _ = try await connection.examine("INBOX")
        let error = try await imapError { _ = try await connection.mails([1], size: 3_000_000) }
        #expect(error.code == .connectionLost && error.isTransient)
        let again = try await connect(server, port: line.port)
        _ = try await again.examine("INBOX")
        #expect(try await again.mails([1], size: 3_000_000).count == 1)
    }
}
