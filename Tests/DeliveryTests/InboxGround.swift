import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import Logging
import MIME
import NIOCore
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Streams
import TestSupport
import Testing

@testable import Delivery

/// A mailbox whose mail is taken in: what comes is written as plain text, and says itself how it is to be understood.
struct InboxGround: Sendable {
    static let own = "me@sender.example"

    let fixture: DeliveryFixture
    let mailbox: MailboxID
    let processing: InboundProcessing

    static func make(_ fixture: DeliveryFixture? = nil, address: String = own) async throws -> InboxGround {
        let known: DeliveryFixture
        if let fixture { known = fixture } else { known = try await DeliveryFixture.make() }
        let house = known.house.house
        let links = try UnsubscribeLinks(keyring: house.keyring, baseURL: house.publicBaseURL)
        return InboxGround(
            fixture: known, mailbox: try await known.mailbox(address),
            processing: InboundProcessing(
                parse: { try InboxGround.parse($0) }, classify: { mail, _ in InboxGround.verdicts(mail) },
                store: InboundMatchStore(links: links), outbox: house.outbox,
                suppressions: Suppressions(
                    database: house.worker, erased: ErasedOptOuts(digests: AddressDigests(keyring: house.keyring)), outbox: house.outbox,
                    clock: house.clock),
                counts: FeedbackCounts(holds: ComplaintHolds(outbox: house.outbox)),
                clock: house.clock, logger: house.logger))
    }

    /// The same house for another company.
    func stranger() async throws -> InboxGround {
        try await InboxGround.make(
            DeliveryFixture(house: fixture.house, service: fixture.service, mail: fixture.mail, rpc: fixture.rpc))
    }

    var tenant: TenantID { fixture.tenant }
    var database: Database { fixture.database }
    var now: Date { fixture.house.clock.clock.now }

    // MARK: - What we sent

    func planned(
        _ key: String, to recipient: String, enrolment: EnrolmentID? = nil, subject: String = "Hi", stopsOnReply: Bool? = nil
    ) -> DeliveryRPC.PlannedSend {
        DeliveryRPC.PlannedSend(
            sendKey: key, workspace: fixture.workspace, campaign: enrolment == nil ? nil : fixture.campaign, enrolment: enrolment, mailbox: mailbox,
            recipient: recipient, recipientName: nil, subject: subject, text: "Hello", html: nil, priority: 100, dueAt: now, reservation: nil,
            stopsOnReply: stopsOnReply)
    }

    func plan(_ sends: [DeliveryRPC.PlannedSend]) async throws {
        _ = try await fixture.rpc.call(DeliveryRPC.EnqueueSends(tenant: tenant, sends: sends))
    }

    /// A mail that its server has taken; its Message-ID.
    @discardableResult
    func sent(
        _ key: String, to recipient: String, enrolment: EnrolmentID? = nil, subject: String = "Hi", stopsOnReply: Bool? = nil
    ) async throws -> String {
        try await plan([planned(key, to: recipient, enrolment: enrolment, subject: subject, stopsOnReply: stopsOnReply)])
        for delivery in try await fixture.takeClaimed() {
            #expect(try await DataSentMarks(database: database).mark(delivery))
            try await fixture.write(delivery, .accepted(code: 250, text: "ok"))
        }
        return identifier(key)
    }

    func identifier(_ key: String) -> String {
        MessageComposer.messageIdentifier(of: key, tenant: tenant, at: "sender.example")
    }

    // MARK: - What comes

    struct Mail: Sendable {
        var id: String? = "\(UUID().text)@lead.example"
        var from = "Ada <ada@lead.example>"
        var to = InboxGround.own
        var subject = "Re: Hi"
        var answers: [String] = []
        var verdict = InboundVerdict.Kind.reply
        var text = "Yes, please."
        var html: String?
        var folder = FetchedMail.Folder.inbox
        var uid: UInt32 = 1
        /// Of a report.
        var original: [String] = []
        var recipients: [String] = []
        var extra: [String] = []

        var bytes: [UInt8] {
            var lines = ["From: \(from)", "To: \(to)", "Subject: \(subject)", "X-Verdict: \(verdict.rawValue)"]
            if let id { lines.append("Message-ID: <\(id)>") }
            if let last = answers.last { lines.append("In-Reply-To: <\(last)>") }
            if !answers.isEmpty { lines.append("References: " + answers.map { "<\($0)>" }.joined(separator: " ")) }
            lines += original.map { "X-Original: \($0)" } + recipients.map { "X-Recipient: \($0)" } + extra
            if let html { lines.append("X-Html: \(html)") }
            return Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + text).utf8)
        }
    }

    func fetched(_ mail: Mail) -> FetchedMail {
        FetchedMail(
            tenant: tenant, workspace: fixture.workspace, mailbox: mailbox, folder: mail.folder, uidValidity: 7, uid: mail.uid, receivedAt: now,
            bytes: mail.bytes)
    }

    /// One after another, each a little later: identifiers of one millisecond have no order among tests that run side by side.
    func take(_ mails: Mail...) async throws {
        let fetched = mails.map { mail in
            fixture.house.clock.advance(by: .milliseconds(1))
            return self.fetched(mail)
        }
        try await database.transaction { try await processing.take(fetched, in: $0) }
    }

    private struct Unreadable: Error {}

    /// As much of a mail as these tests write.
    private static func parse(_ bytes: [UInt8]) throws -> ParsedMail {
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw Unreadable() }
        var mail = ParsedMail()
        for line in parts[0].split(separator: "\r\n") {
            let sides = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard sides.count == 2 else { continue }
            mail.fields.append(.init(name: sides[0].lowercased(), value: sides[1]))
        }
        func address(_ text: String) -> ParsedMail.Address {
            guard let open = text.firstIndex(of: "<") else { return .init(address: text) }
            return .init(
                name: text[..<open].trimmingCharacters(in: .whitespaces), address: String(text[text.index(after: open)...].dropLast()))
        }
        func identifiers(_ name: String) -> [String] {
            (mail.field(name) ?? "").split(separator: " ").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: "<>")) }
        }
        mail.messageID = identifiers("message-id").first
        mail.inReplyTo = identifiers("in-reply-to")
        mail.references = identifiers("references")
        mail.subject = mail.field("subject") ?? ""
        mail.from = mail.field("from").map { [address($0)] } ?? []
        mail.to = mail.field("to").map { [address($0)] } ?? []
        mail.replyTo = mail.field("reply-to").map { [address($0)] } ?? []
        mail.html = mail.field("x-html")
        mail.text = String(parts[1])
        mail.original = mail.fields.filter { $0.name == "x-original" }.map {
            let sides = $0.value.split(separator: "=", maxSplits: 1)
            return .init(name: String(sides[0]), value: String(sides[1]))
        }
        return mail
    }

    private static func verdicts(_ mail: ParsedMail) -> [InboundVerdict] {
        guard let kind = mail.field("x-verdict").flatMap(InboundVerdict.Kind.init) else { return [] }
        let recipients = mail.fields.filter { $0.name == "x-recipient" }.map(\.value)
        guard !recipients.isEmpty else { return [InboundVerdict(kind: kind, rule: "test", confidence: 1)] }
        return recipients.map { InboundVerdict(kind: kind, rule: "test", confidence: 1, recipient: $0, status: "5.1.1") }
    }

    /// While everything of the service works; until now a test was the dispatcher.
    func working(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await database.query("update dispatcher_lease set expires_at = '-infinity'")
        try await fixture.house.withBackground(fixture.service.background, body)
    }

    // MARK: - What became of it

    func number(_ sql: SQL) async throws -> Int { try await database.query(sql)[0].decode("n") }
    var threads: Int { get async throws { try await number("select count(*) as n from inbox_threads where tenant_id = \(tenant)") } }
    var messages: Int { get async throws { try await number("select count(*) as n from inbox_messages where tenant_id = \(tenant)") } }

    /// Threads and messages.
    var kept: [Int] { get async throws { [try await threads, try await messages] } }

    /// Everything that was told of people's doings, as `kind send_key`.
    func feedback() async throws -> [String] {
        try await database.query("select body from outbox where type = \(DeliveryEvents.FeedbackReceived.name) order by id").flatMap { row in
            let body: String = try row.decode("body")
            return try WireJSON.decoder().decode(Told.self, from: Data(body.utf8)).data.feedback.map { "\($0.kind) \($0.sendKey)" }
        }
    }

    private struct Told: Decodable {
        let data: DeliveryEvents.FeedbackReceived
    }

    func suppressions() async throws -> [String] {
        try await database.query("select address, reason from suppressions where tenant_id = \(tenant) order by address").map {
            "\(try $0.decode("address", as: String.self)) \(try $0.decode("reason", as: String.self))"
        }
    }

    func thread() async throws -> InboxThreadID {
        try await database.query("select id from inbox_threads where tenant_id = \(tenant) order by created_at desc, id desc limit 1")[0].decode("id")
    }

    // MARK: - People

    func ask(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, role: Role = .member, workspaces: [WorkspaceID]? = nil,
        user: UserID = UserID(UUID()), headers more: HTTPFields = [:]
    ) async throws -> (status: Int, body: String) {
        var headers = try await fixture.house.identityHeader(tenant: tenant, user: user, role: role, workspaces: workspaces)
        for field in more { headers[field.name] = field.value }
        headers[.contentType] = "application/json"
        let sent = headers
        return try await fixture.house.withClient(fixture.service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
    }
}
