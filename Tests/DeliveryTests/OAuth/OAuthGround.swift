import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import IMAP
import NIOCore
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Delivery

/// Delivery beside an OAuth server, and where they are asked for mail servers that believe its tokens.
struct OAuthGround: Sendable {
    let house: TestHouse
    let service: DeliveryService
    let provider: OAuthServerDouble
    let mail: TestMailServer?
    let mailboxes: TestMailboxServer?
    let places: TestPlaces
    /// Every session has ended.
    let hasEnded: Ended
    let tenant = TenantID(UUID())
    let workspace = WorkspaceID(UUID())

    final class Ended: Sendable {
        let value = Mutex(false)
    }

    /// Runs `body` on a ground of its own. `mailServers` need root.
    static func run(
        mailServers: Bool = false, places: TestPlaces = TestPlaces(), configuration: [String: String] = [:],
        _ body: @escaping @Sendable (OAuthGround) async throws -> Void
    ) async throws {
        let clock = TestClock()
        let provider = try await OAuthServerDouble(clock: clock.clock)
        let secret = FileManager.default.temporaryDirectory.appending(path: "oauth-secret-\(UUID().uuidString)")
        try Data((OAuthServerDouble.clientSecret + "\n").utf8).write(to: secret)
        defer { try? FileManager.default.removeItem(at: secret) }
        try await provider.serve { issuer in
            let ended = Ended()
            var auth = RPCRouter(service: .auth)
            auth.on(AuthRPC.ReadWorkspace.self) { request, _ in
                AuthRPC.Workspace(id: request.workspace, name: "W", slug: "w-slug", postalAddress: nil)
            }
            auth.on(AuthRPC.LivingSessions.self) { request, _ in
                AuthRPC.LivingSessions.Result(living: ended.value.withLock { $0 } ? [] : request.sessions, livingSupport: nil)
            }
            var billing = RPCRouter(service: .billing)
            places.add(to: &billing)
            let mail = mailServers ? try await TestMailServer.start() : nil
            var mailboxes: TestMailboxServer?
            if let mail { mailboxes = try await TestMailboxServer.start(.init(introspection: "\(issuer)/introspect", relay: mail)) }
            let settings = [
                "delivery.smtp.reach": "anywhere", "mail.ca.file": mailboxes?.authorityFile ?? "", "delivery.imap.poll.seconds": "1",
                "delivery.imap.idle.connections": "0", "delivery.connections.per.mailbox": "1",
                "delivery.oauth.google.client.id": OAuthServerDouble.clientID,
                "delivery.oauth.google.client.secret.file": secret.path(percentEncoded: false), "delivery.oauth.google.issuer": issuer,
                "delivery.oauth.google.authorize.url": "\(issuer)/authorize", "delivery.oauth.google.token.url": "\(issuer)/token",
                "delivery.oauth.google.revoke.url": "\(issuer)/revoke", "delivery.oauth.google.keys.url": "\(issuer)/keys",
                "delivery.oauth.google.smtp": "localhost:\(mailboxes?.ports.submissions ?? 1):tls",
                "delivery.oauth.google.imap": "localhost:\(mailboxes?.ports.imaps ?? 1):tls",
            ]
            let house = try await TestHouse.make(
                for: DeliveryService.self, peers: [.auth: auth, .billing: billing], configuration: settings.merging(configuration) { $1 },
                clock: clock)
            try await body(
                OAuthGround(
                    house: house, service: try await DeliveryService(house.house), provider: provider, mail: mail, mailboxes: mailboxes,
                    places: places, hasEnded: ended))
        }
    }

    var database: Database { house.house.worker }
    var now: Date { house.clock.clock.now }

    struct Answer: Sendable {
        let status: Int
        let body: String
        let cookie: String?
        let headers: HTTPFields
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, cookie: String? = nil, role: Role? = .owner, support: UUID? = nil,
        tenant: TenantID? = nil
    ) async throws -> Answer {
        var headers: HTTPFields = [:]
        if let role { headers = try await house.identityHeader(tenant: tenant ?? self.tenant, role: role, support: support) }
        headers[.contentType] = "application/json"
        if let cookie { headers[.cookie] = cookie }
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) { answer in
                Answer(
                    status: answer.status.code, body: String(buffer: answer.body),
                    cookie: answer.headers[.setCookie].map { String($0.prefix { $0 != ";" }) }, headers: answer.headers)
            }
        }
    }

    // MARK: - A person's way

    func wish(limits: String? = nil, provider: String = "google") -> String {
        #"{"provider":"\#(provider)","workspace":"\#(workspace)","display_name":"Grace"\#(limits.map { #","limits":\#($0)"# } ?? "")}"#
    }

    /// Where the browser is sent, and the cookie that it holds.
    func begin(_ path: String = "/api/v1/mailboxes/oauth", _ body: String? = nil) async throws -> (url: String, cookie: String) {
        struct Begun: Decodable { let authorizeUrl: String }
        let answer = try await send(.post, path, body ?? (path == "/api/v1/mailboxes/oauth" ? wish() : nil))
        #expect(answer.status == 200, "\(answer.body)")
        let begun = try WireJSON.decoder().decode(Begun.self, from: Data(answer.body.utf8))
        return (begun.authorizeUrl, try #require(answer.cookie))
    }

    /// Comes back as a browser does, without the identity that the gateway adds to other routes.
    func comeBack(_ query: String, cookie: String?) async throws -> Answer {
        try await send(.get, "/oauth/mailboxes/callback?\(query)", cookie: cookie, role: nil)
    }

    /// The whole way.
    func consent(
        as person: OAuthServerDouble.Person = .init(), _ path: String = "/api/v1/mailboxes/oauth", _ body: String? = nil
    ) async throws -> Answer {
        let (url, cookie) = try await begin(path, body)
        return try await comeBack(try #require(provider.approve(url, as: person), "\(url)"), cookie: cookie)
    }

    /// A mailbox that was connected so.
    func connect(as person: OAuthServerDouble.Person = .init()) async throws -> MailboxID {
        let answer = try await consent(as: person)
        let identifier = answer.body.firstMatch(of: /mailbox=([0-9a-f-]{36})/)?.1
        return try #require(identifier.flatMap { MailboxID($0) }, "\(answer.body)")
    }

    // MARK: - Without mail servers

    /// A mailbox with a consent, written as it would be stored; its access token lasts for `lifetime`.
    func insert(
        _ person: OAuthServerDouble.Person = .init(), of tenant: TenantID? = nil, workspace: WorkspaceID? = nil, lifetime: TimeInterval = 3_600
    ) async throws -> MailboxID {
        let (mailbox, tenant, now) = (MailboxID(.v7(at: Date())), tenant ?? self.tenant, now)
        let given = provider.grant(person)
        let sealed = try SealedTokens(
            OAuthTokens(access: given.access, lifetime: lifetime, refresh: given.refresh, scopes: nil, idToken: nil), of: mailbox, tenant,
            keyring: house.house.keyring, now: now)
        try await database.transaction { transaction in
            try await transaction.query(
                """
                insert into mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username,
                                       authentication, password_sealed, created_at, updated_at)
                values (\(tenant), \(mailbox), \(workspace ?? self.workspace), \(person.email), 'G', 'localhost', 1, 'tls', \(person.email), 'oauth',
                        '', \(now), \(now))
                """)
            try await ConsentStore.put(
                OAuthPerson(issuer: "issuer", subject: person.subject, addresses: [person.email]), at: .google, scopes: ["https://mail.google.com/"],
                sealed, of: mailbox, tenant, at: now, in: transaction)
        }
        return mailbox
    }

    /// The tokens of a replica of its own.
    func replica() throws -> AccessTokens { try OAuthFeature(house.house).tokens }

    /// Why a replica has no token; nil when it has one.
    func failure(of replica: AccessTokens, _ mailbox: MailboxID) async -> AccessTokenError? {
        do throws(AccessTokenError) {
            _ = try await replica.current(of: mailbox, tenant)
            return nil
        } catch {
            return error
        }
    }

    func row(_ mailbox: MailboxID) async throws -> Row {
        try #require(
            try await database.query(
                """
                select m.state, m.state_reason, c.state as consent, c.refresh_sealed is null as is_bare, c.generation, c.failures, c.failure
                from mailboxes m join mailbox_consents c on c.tenant_id = m.tenant_id and c.mailbox_id = m.id where m.id = \(mailbox)
                """
            ).first)
    }

    func state(_ mailbox: MailboxID) async throws -> [String] {
        let row = try await row(mailbox)
        return [try row.decode("state"), try row.decode("consent")]
    }

    /// The stored refresh token, unsealed.
    func refreshToken(_ mailbox: MailboxID) async throws -> String {
        let sealed: String = try await database.query("select refresh_sealed from mailbox_consents where mailbox_id = \(mailbox)")[0]
            .decode("refresh_sealed")
        return String(decoding: try house.house.keyring.open(sealed, for: Consent.refreshPlace(mailbox, of: tenant)), as: UTF8.self)
    }

    /// Until nothing is left.
    func purge(_ tenant: TenantID, workspace: WorkspaceID?) async throws {
        let rpc = RPCClient.local(house.router(service), caller: .auth)
        for _ in 0..<30 {
            if try await rpc.call(DeliveryRPC.Purge(tenant: tenant, workspace: workspace)).isDone { return }
        }
        Issue.record("the purge does not end")
    }

    /// How often something was told.
    func told(_ type: String, holding words: String = "") async throws -> Int {
        try await database.query("select from outbox where type = \(type) and position(\(words) in body) > 0").count
    }
}
