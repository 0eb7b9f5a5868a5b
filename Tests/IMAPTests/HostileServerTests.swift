import Foundation
import IMAP
import Synchronization
import Testing

/// Servers are named by customers: whatever one does costs its own mailbox and a bounded while.
@Suite("Servers that mean harm", .timeLimit(.minutes(2)))
struct HostileServerTests {
    @Test("a mail of four gigabytes ends the connection before anything is kept for it")
    func literal() async throws {
        let server = try await ScriptedIMAPServer.ordinary("FETCH") { _ in "* 1 FETCH (UID 1 BODY[] {4294967295}\r\nabc" }
        let connection = try await server.connect()
        _ = try await connection.examine("INBOX")
        let error = try await imapError { _ = try await connection.mails([1], size: 100) }
        #expect(error.code == .tooLarge && error.stage == .fetch && !error.isTransient)
        let after = try await imapError { try await connection.noop() }
        #expect(after.code == .tooLarge)
    }

    @Test("brackets without end do not take the process down")
    func brackets() async throws {
        let deep = String(repeating: "(", count: 200_000)
        let server = try await ScriptedIMAPServer.ordinary("FETCH") { tag in "* 1 FETCH (UID 1 BODYSTRUCTURE \(deep)\r\n\(tag) OK done\r\n" }
        let connection = try await server.connect()
        _ = try await connection.examine("INBOX")
        #expect(try await imapError { _ = try await connection.mails([1], size: 100) }.code == .protocolViolation)
    }

    @Test("a quoted string in the answer to IDLE or AUTHENTICATE, where libetpan's own commands would fall, is a line like any other")
    func continuation() async throws {
        let trap = #"+ [BADCHARSET ("x" "y")] go on"# + "\r\n"
        let asked = Mutex(0)
        let server = try await ScriptedIMAPServer.start { line in
            let tag = line.split(separator: " ").first.map(String.init) ?? ""
            if line.contains("CAPABILITY") { return "* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN\r\n\(tag) OK done\r\n" }
            if line.contains("AUTHENTICATE") || line.contains("IDLE") {
                asked.withLock { $0 += 1 }
                return trap
            }
            if line.contains("EXAMINE") { return "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n\(tag) OK done\r\n" }
            // The secret, and DONE, have no tag.
            return line == "DONE" ? "P2 OK done\r\n" : "P1 OK done\r\n"
        }
        let connection = try await server.connect()
        #expect(try await connection.examine("INBOX").count == 0)
        #expect(try await connection.beginIdle() == false)
        try await connection.endIdle()
        #expect(asked.withLock { $0 } == 2)
    }

    @Test("what is said before encryption is not believed: a greeting that skips it, an answer that comes with more")
    func startTLS() async throws {
        let known = try await ScriptedIMAPServer.ordinary(greeting: "* PREAUTH welcome\r\n", capabilities: "IMAP4rev1 STARTTLS")
        #expect(try await imapError { _ = try await known.connect(security: .startTLS) }.code == .tlsFailed)
        let injecting = try await ScriptedIMAPServer.ordinary(capabilities: "IMAP4rev1 STARTTLS", "STARTTLS") { tag in
            "\(tag) OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
        }
        #expect(try await imapError { _ = try await injecting.connect(security: .startTLS) }.code == .tlsFailed)
        let plain = try await ScriptedIMAPServer.ordinary(capabilities: "IMAP4rev1")
        let error = try await imapError { _ = try await plain.connect(security: .startTLS) }
        #expect(error.code == .tlsFailed && error.message.contains("STARTTLS"))
    }

    @Test("a server that says nothing, or a letter now and then, is left after the time that was given")
    func slow() async throws {
        let silent = try await ScriptedIMAPServer.start(greeting: "") { _ in "" }
        let timeouts = IMAPTimeouts(greeting: .milliseconds(300), command: .milliseconds(300))
        let error = try await imapError { _ = try await silent.connect(timeouts: timeouts) }
        #expect(error.code == .timeout && error.stage == .greeting && error.isTransient)
        let mute = try await ScriptedIMAPServer.ordinary("NOOP") { _ in "* OK wait for it" }
        let connection = try await mute.connect(timeouts: timeouts)
        let late = try await imapError { try await connection.noop() }
        #expect(late.code == .timeout && late.stage == .noop)
    }

    @Test("a line that hangs up is told as such, with what the server said last")
    func hangUp() async throws {
        let server = try await ScriptedIMAPServer.ordinary("SEARCH") { _ in "* BYE going down for maintenance\r\n" }
        let timeouts = IMAPTimeouts(command: .milliseconds(500))
        let connection = try await server.connect(timeouts: timeouts)
        _ = try await connection.examine("INBOX")
        let error = try await imapError { _ = try await connection.search(from: 1) }
        #expect(error.words == "going down for maintenance" && error.isTransient)
    }

    @Test("a password with a line break, which would begin a command of its own, is not sent")
    func injection() async throws {
        let lines = Mutex<[String]>([])
        let server = try await ScriptedIMAPServer.start { line in
            lines.withLock { $0.append(line) }
            return "* CAPABILITY IMAP4rev1\r\n\(line.split(separator: " ").first ?? "") OK done\r\n"
        }
        for secret in ["x\r\n9 DELETE INBOX", "x\0", "\u{7f}"] {
            let error = try await imapError { _ = try await server.connect(credentials: .password(username: "u", password: secret)) }
            #expect(error.code == .invalidConfiguration)
        }
        #expect(!lines.withLock { $0 }.contains { $0.contains("DELETE") || $0.contains("LOGIN") })
    }

    @Test("identifiers that cannot be, and mails that nobody asked for, are passed over")
    func nonsense() async throws {
        let server = try await ScriptedIMAPServer.start { line in
            let tag = line.split(separator: " ").first.map(String.init) ?? ""
            if line.contains("CAPABILITY") { return "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n\(tag) OK done\r\n" }
            if line.contains("EXAMINE") { return "* OK [UIDVALIDITY 7] ok\r\n\(tag) OK done\r\n" }
            if line.contains("SEARCH") { return "* SEARCH 5 0 3\r\n\(tag) OK done\r\n" }
            if line.contains("FETCH") {
                return
                    "* 9 FETCH (UID 9 BODY[] {1}\r\nx)\r\n* 3 FETCH (UID 3 BODY[] {2}\r\nok)\r\n* 3 FETCH (UID 3 BODY[] {3}\r\nbad)\r\n\(tag) OK done\r\n"
            }
            return "\(tag) OK done\r\n"
        }
        let connection = try await server.connect()
        _ = try await connection.examine("INBOX")
        #expect(try await connection.search(since: Date()) == [3, 5])
        #expect(try await connection.mails([3, 5], size: 10).map(\.bytes) == [Array("ok".utf8)])
    }

    @Test("a task that is cancelled ends what blocks")
    func cancelled() async throws {
        let silent = try await ScriptedIMAPServer.start(greeting: "") { _ in "" }
        let task = Task { try await silent.connect() }
        task.cancel()
        let error = try await imapError { _ = try await task.value }
        #expect(error.code == .connectionLost)
    }
}
