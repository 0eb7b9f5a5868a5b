import Contracts
import Foundation
import HTTPTypes
import HummingbirdTesting
import IMAP
import NIOCore
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Delivery

/// Reading on real Postgres, Redis and Dovecot; what is taken in goes into a table of the test's own, in the transaction that takes it in.
struct ReadingFixture: Sendable {
    let house: TestHouse
    let service: DeliveryService
    let server: TestMailboxServer
    let mail: TestMailServer
    let tenant = TenantID(UUID())
    let workspace = WorkspaceID(UUID())
    /// Subjects of mails that cannot be taken in.
    let poison = Poison()

    final class Poison: Sendable {
        struct Indigestible: Error {}

        struct Away: TransientError {
            var isTransient: Bool { true }
        }

        let subjects = Mutex<Set<String>>([])
        let isAway = Mutex(false)
    }

    static func make(_ configuration: [String: String] = [:]) async throws -> ReadingFixture {
        var auth = RPCRouter(service: .auth)
        auth.on(AuthRPC.ReadWorkspace.self) { request, _ in
            AuthRPC.Workspace(id: request.workspace, name: "W", slug: "w", postalAddress: nil)
        }
        var billing = RPCRouter(service: .billing)
        TestPlaces().add(to: &billing)
        let server = try await TestMailboxServer.start()
        let settings = ["delivery.smtp.reach": "anywhere", "mail.ca.file": server.authorityFile, "delivery.imap.poll.seconds": "1"]
        let house = try await TestHouse.make(
            for: DeliveryService.self, peers: [.auth: auth, .billing: billing], configuration: settings.merging(configuration) { $1 })
        let owner = Database(house.database.configuration(role: "delivery_owner"), connections: 1)
        try await owner.query(
            "create table taken (number bigserial, mailbox uuid not null, folder text not null, uid bigint not null, subject text not null, size bigint not null)"
        )
        try await owner.query("grant select, insert on taken to delivery_worker")
        try await owner.query("grant usage on sequence taken_number_seq to delivery_worker")
        return ReadingFixture(
            house: house, service: try await DeliveryService(house.house), server: server, mail: try await TestMailServer.start())
    }

    var database: Database { house.house.worker }

    /// A reader of its own, as a replica has one.
    func feature(byToken: FetchingFeature.TokenSignIn? = nil) throws -> FetchingFeature {
        let inner = house.house
        let counters = QueueCounters(instance: "test", .other)
        let links = try UnsubscribeLinks(keyring: inner.keyring, baseURL: inner.publicBaseURL)
        let ambiguous = AmbiguousSends(
            api: inner.api, worker: inner.worker, counters: counters, events: SendEvents(outbox: inner.outbox), outbox: inner.outbox,
            wakeup: Wakeup(),
            clock: inner.clock)
        return try FetchingFeature(
            inner, links: links, ambiguous: ambiguous, digests: AddressDigests(keyring: inner.keyring),
            byToken: byToken ?? { mailbox, _ in throw AccessTokenError.consentLost("\(mailbox.id) has no token here") },
            process: { [poison] mails, transaction in
                for mail in mails {
                    let subject = MailHeader(of: mail.bytes)["subject"] ?? ""
                    try await transaction.query(
                        """
                        insert into taken (mailbox, folder, uid, subject, size)
                        values (\(mail.mailbox), \(mail.folder), \(Int64(mail.uid)), \(subject), \(mail.bytes.count))
                        """)
                    if poison.isAway.withLock({ $0 }) { throw Poison.Away() }
                    if poison.subjects.withLock({ $0.contains(subject) }) { throw Poison.Indigestible() }
                }
            })
    }

    /// Runs readers while `body` does its part.
    func reading(_ features: [FetchingFeature], _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await house.withBackground(features.flatMap(\.background), body)
    }

    /// What was taken in, in its order.
    func taken(_ mailbox: MailboxID? = nil, folder: String = "inbox") async throws -> [String] {
        try await database.query(
            "select subject from taken where folder = \(folder) and (\(mailbox)::uuid is null or mailbox = \(mailbox)) order by number"
        ).map { try $0.decode("subject") }
    }

    /// Makes every mailbox due, whatever its pause.
    func due() async throws {
        try await database.query("update mailbox_readers set next_at = \(house.clock.clock.now) where lease_holder is null")
    }

    func send(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil) async throws -> (status: Int, body: String) {
        var headers = try await house.identityHeader(tenant: tenant)
        headers[.contentType] = "application/json"
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
    }

    func imap(user: String = TestMailboxServer.user, password: String = #"correct \"horse"#, port: Int? = nil, host: String = "localhost") -> String {
        #"{"host":"\#(host)","port":\#(port ?? server.ports.imaps),"security":"tls","username":"\#(user)","password":"\#(password)"}"#
    }

    func connect(imap: String?, smtpPassword: String = "secret", address: String = "grace@sender.example") async throws -> (status: Int, body: String)
    {
        let smtp = #"{"host":"127.0.0.1","port":\#(mail.port),"security":"none","username":"sender","password":"\#(smtpPassword)"}"#
        return try await send(
            .post, "/api/v1/mailboxes",
            #"{"workspace":"\#(workspace)","address":"\#(address)","display_name":"Grace","smtp":\#(smtp)\#(imap.map { #","imap":\#($0)"# } ?? "")}"#)
    }

    /// A mailbox that is read, connected as its owner does.
    func mailbox(imap: String? = nil) async throws -> MailboxID {
        let answer = try await connect(imap: imap ?? self.imap())
        let identifier = answer.body.firstMatch(of: /"id":"([0-9a-f-]{36})"/)?.1
        return try #require(identifier.flatMap { MailboxID($0) }, "\(answer.body)")
    }

    /// A mailbox of `tenant`, written as it would be stored.
    func insert(user: String, of tenant: TenantID, port: Int? = nil) async throws -> MailboxID {
        let (mailbox, now) = (MailboxID(.v7(at: Date())), house.clock.clock.now)
        let server = IMAPServer(host: "localhost", port: port ?? self.server.ports.imaps, security: .tls)
        let sealed = try house.house.keyring.seal(Data(TestMailboxServer.password.utf8), for: ReadingMailbox.place(mailbox, of: tenant))
        try await database.transaction { transaction in
            try await transaction.query(
                """
                insert into mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username,
                                       password_sealed, created_at, updated_at)
                values (\(tenant), \(mailbox), \(workspace), \(user), 'U', 'localhost', 25, 'none', '', '', \(now), \(now))
                """)
            try await ReaderStore.put(server, username: user, .password(sealed: sealed), of: mailbox, tenant, at: now, in: transaction)
        }
        return mailbox
    }

    static func text(_ subject: String, from sender: String = "ada@reader.example", lines: Int = 2) -> String {
        "From: Ada <\(sender)>\nTo: Grace <grace@sender.example>\nSubject: \(subject)\nMessage-ID: <\(subject)@reader.example>\n"
            + "Date: Sat, 28 Nov 2026 06:00:00 +0000\n\n" + String(repeating: "words and words\n", count: lines)
    }
}
