import Contracts
import Foundation
import HTTPTypes
import HummingbirdTesting
import Mail
import NIOCore
import Postgres
import Primitives
import RPC
import Synchronization
import TestSupport

@testable import Auth

/// The service on a real database, with its mail caught in memory at the transport's seam.
struct AuthFixture: Sendable {
    let house: TestHouse
    let service: AuthService
    /// What the plan has room for, as the service asked.
    var places = TestPlaces()

    /// `seats`, `workspaces`: how many the plan allows. `rate`: requests a minute of all keys. `peers`: those that a test wants to hear what they
    /// are asked.
    static func make(
        seats: Int64? = 5, workspaces: Int64? = nil, rate: Int64? = nil, peers: [ServiceName: RPCRouter] = [:]
    ) async throws -> AuthFixture {
        var limits: [BillingRPC.Resource: Int64] = [:]
        limits[.users] = seats
        limits[.workspaces] = workspaces
        // Every company has its founder.
        let places = TestPlaces(limits: limits, taken: [.users: 1])
        var billing = RPCRouter(service: .billing)
        billing.on(BillingRPC.ReadEntitlements.self) { _, _ in
            BillingRPC.Entitlements(
                plan: "trial", access: .full, periodStart: Date(), periodEnd: Date(), mailsPerPeriod: 1, mailsUsed: 0, mailsReserved: 0, users: seats,
                workspaces: workspaces, domains: nil, mailboxes: nil, leads: nil, apiCallsPerMinute: rate)
        }
        places.add(to: &billing)
        let house = try await TestHouse.make(
            for: AuthService.self, peers: [.billing: billing].merging(peers) { _, given in given },
            configuration: [
                "mail.host": "127.0.0.1", "mail.port": "1", "mail.from": "hello@penguinmails.test",
                // The cost has a test of its own; here it would be most of the time.
                "password.log.rounds": "10",
            ])
        return AuthFixture(house: house, service: try await AuthService(house.house), places: places)
    }

    /// A browser without cookies.
    func browser() -> Browser { Browser(fixture: self) }

    /// What waits for `recipient`, as the mailer would send it; newest last.
    func mails(to recipient: String) async throws -> [OutgoingMail] {
        let rows = try await house.house.worker.query(
            "select id, content_sealed from mails where recipient = \(recipient) and content_sealed is not null order by id")
        return try rows.map { row in
            let identifier: UUID = try row.decode("id")
            let place = Keyring.Place(purpose: "mails.content", row: identifier.uuidString, tenant: nil)
            return try WireJSON.decoder().decode(OutgoingMail.self, from: try house.house.keyring.open(try row.decode("content_sealed"), for: place))
        }
    }

    /// The code in the newest mail.
    func code(for recipient: String) async throws -> String {
        String(try await mails(to: recipient).last?.subject.prefix(6) ?? "")
    }

    /// The token in the link of the newest mail.
    func linkToken(for recipient: String) async throws -> String {
        let text = try await mails(to: recipient).last?.text ?? ""
        return text.firstMatch(of: /token=([A-Za-z0-9_-]+)/).map { String($0.1) } ?? ""
    }

    /// Somebody who signed up, proved the address and signed in.
    func signedIn(_ email: String = "ada@example.com") async throws -> Browser {
        let browser = browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody(email))
        _ = try await browser.post("/api/v1/auth/verify-email", #"{"email":"\#(email)","code":"\#(try await code(for: email))"}"#)
        _ = try await browser.post("/api/v1/auth/sign-in", Browser.signInBody(email))
        return browser
    }

    /// What the events of a type say about themselves, the oldest first.
    func headers(of type: String) async throws -> [EventHeader] {
        struct Body: Decodable {
            let header: EventHeader
        }
        let rows = try await house.house.worker.query("select body from outbox where type = \(type) order by id")
        return try rows.map { row in
            try WireJSON.decoder().decode(Body.self, from: Data(try row.decode("body", as: String.self).utf8)).header
        }
    }

    /// Every event of a type in the outbox.
    func events(_ type: String) async throws -> Int {
        try await house.house.worker.query("select count(*) as n from outbox where type = \(type)")[0].decode("n")
    }
}

/// Keeps cookies and the CSRF token, as a browser with our pages does.
final class Browser: Sendable {
    private let fixture: AuthFixture
    private let cookies = Mutex<[String: String]>([:])
    private let token = Mutex<String?>(nil)

    init(fixture: AuthFixture) {
        self.fixture = fixture
    }

    struct Answer: Sendable {
        let status: HTTPResponse.Status
        let headers: HTTPFields
        let body: String

        func member(_ name: String) -> String? {
            let object = (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any]
            return object?[name].map { "\($0)" }
        }
    }

    var cookieHeader: String { cookies.withLock { $0.map { "\($0)=\($1)" }.joined(separator: "; ") } }

    func get(_ path: String, _ extra: HTTPFields = [:]) async throws -> Answer {
        try await send(path, .get, nil, extra)
    }

    /// Fetches the CSRF token first, once.
    func post(_ path: String, _ body: String, _ extra: HTTPFields = [:], method: HTTPRequest.Method = .post) async throws -> Answer {
        if token.withLock({ $0 == nil }) {
            let answer = try await get("/api/v1/auth/csrf")
            token.withLock { $0 = answer.member("csrf_token") }
        }
        var headers = extra
        headers[.contentType] = headers[.contentType] ?? "application/json"
        headers[.csrfToken] = token.withLock { $0 }
        return try await send(path, method, body, headers)
    }

    /// A request that the gateway asks about first, as it does for everything behind a session; its refusal is the answer.
    func api(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil) async throws -> Answer {
        let question: HTTPFields = [.init("X-Audience")!: "auth", .init("X-Original-Method")!: "GET"]
        let asked = try await get("/gateway/authenticate", question)
        guard let identity = asked.headers[.init("X-Identity-Token")!] else { return asked }
        return try await send(path, method, body, [.init("X-Identity-Token")!: identity, .contentType: "application/json"])
    }

    func send(_ path: String, _ method: HTTPRequest.Method, _ body: String?, _ extra: HTTPFields) async throws -> Answer {
        var headers = extra
        if headers[.cookie] == nil, !cookieHeader.isEmpty { headers[.cookie] = cookieHeader }
        let sent = headers
        let answer = try await fixture.house.withClient(fixture.service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) { response in
                Answer(status: response.status, headers: response.headers, body: String(buffer: response.body))
            }
        }
        for line in answer.headers[values: .setCookie] {
            let pair = line.split(separator: ";")[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies.withLock { $0[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1]) }
            // A new session has a new token, as a page learns by asking.
            if pair[0] == CrossSiteCheck.cookieName { token.withLock { $0 = pair[1].split(separator: "%7C").first.map(String.init) } }
        }
        return answer
    }

    static func signInBody(_ email: String, password: String = "correct horse battery") -> String {
        #"{"email":"\#(email)","password":"\#(password)"}"#
    }

    static func signUpBody(_ email: String, password: String = "correct horse battery") -> String {
        #"{"email":"\#(email)","password":"\#(password)","name":"Ada","company":"Penguins Ltd"}"#
    }
}
