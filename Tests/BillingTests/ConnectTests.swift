import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import RPC
import ServiceRuntime
import TestSupport
import Testing

@testable import Billing

/// Billing beside a small Stripe, as an owner, an admin and staff reach it.
struct StripeGround: Sendable {
    struct Answer: Sendable {
        let status: Int
        let body: String
        let headers: HTTPFields

        /// The document, for looking at members.
        var object: [String: Any] { ((try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any]) ?? [:] }
        func member(_ name: String) -> String? { object[name].map { "\($0)" } }
    }

    let stripe: StripeDouble
    let fixture: BillingFixture

    static func make(clock: TestClock = TestClock(), settings: [String: String] = [:]) async throws -> StripeGround {
        let stripe = try await StripeDouble.start(clock: clock.clock)
        let house = try await TestHouse.make(
            for: BillingService.self, configuration: stripe.configuration.merging(settings) { $1 }, clock: clock)
        let service = try await BillingService(house.house)
        let fixture = BillingFixture(
            house: house, service: service, billing: .local(house.router(service), caller: .auth), tenant: TenantID(.v7(at: clock.clock.now)))
        try await fixture.startTrial()
        return StripeGround(stripe: stripe, fixture: fixture)
    }

    var worker: Database { fixture.house.house.worker }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, tenant: TenantID? = nil, role: Role = .owner, isVerified: Bool = true,
        staff: StaffRole? = nil, headers more: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = try await fixture.house.identityHeader(
            tenant: tenant ?? fixture.tenant, role: role, isVerified: isVerified, staff: staff)
        headers[.contentType] = "application/json"
        headers.append(contentsOf: more)
        let sent = headers
        return try await fixture.house.withClient(fixture.service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                Answer(status: $0.status.code, body: String(buffer: $0.body), headers: $0.headers)
            }
        }
    }

    /// What the trail says of an action, the oldest first.
    func trail(_ action: String) async throws -> [EventHeader] {
        struct Envelope: Decodable { let header: EventHeader }
        let rows = try await worker.query("select body from outbox order by id")
        return try rows.map { try WireJSON.decoder().decode(Envelope.self, from: Data(try $0.decode("body", as: String.self).utf8)).header }
            .filter { $0.audit?.action == action }
    }

    /// Makes the tenant's account at the double, able to charge when `isEnabled`; its id.
    func connected(isEnabled: Bool = true) async throws -> String {
        let made = try await send(.post, "/api/v1/billing/connect/account", #"{"country":"DE"}"#)
        let account = try #require(made.member("account"), "\(made.body)")
        if isEnabled {
            enable(account)
            try await fixture.service.connectSync.refresh(account: account, cause: "account.updated")
        }
        return account
    }

    func enable(_ account: String) {
        stripe.set([
            "id": .text(account), "details_submitted": true, "charges_enabled": true, "payouts_enabled": true,
            "requirements": ["currently_due": [], "past_due": [], "disabled_reason": .null],
        ])
    }
}

@Suite("Connected accounts")
struct ConnectTests {
    private static let root = "/api/v1/billing/connect"

    @Test("one account per company, however many ask at once, made as a merchant that pays its own fees; the first country stays")
    func account() async throws {
        let ground = try await StripeGround.make()
        let answers = try await withThrowingTaskGroup(of: StripeGround.Answer.self) { group in
            for _ in 0..<5 { group.addTask { try await ground.send(.post, "\(Self.root)/account", #"{"country":"DE"}"#) } }
            return try await group.reduce(into: [StripeGround.Answer]()) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 201 }, "\(answers.map(\.body))")
        #expect(Set(answers.compactMap { $0.member("account") }).count == 1)
        let again = try await ground.send(.post, "\(Self.root)/account", #"{"country":"US"}"#)
        #expect(again.member("account") == answers[0].member("account") && again.member("country") == "DE")
        let calls = ground.stripe.calls("POST /v1/accounts")
        #expect(Set(calls.map(\.key)).count == 1 && calls.allSatisfy { $0.account.isEmpty })
        let sent = try #require(calls.first).parameters
        #expect(sent["controller[fees][payer]"] == "account" && sent["controller[losses][payments]"] == "stripe")
        #expect(sent["controller[stripe_dashboard][type]"] == "full" && sent["controller[requirement_collection]"] == "stripe")
        #expect(sent["metadata[tenant]"] == ground.fixture.tenant.description)
        #expect(try await ground.trail("connect.create").count == 1)
        #expect(ground.stripe.violations.isEmpty, "\(ground.stripe.violations)")
    }

    @Test("an account is written down once, however many have the answer at the same moment")
    func writtenOnce() async throws {
        let ground = try await StripeGround.make()
        let (worker, now) = (ground.worker, ground.fixture.house.clock.clock.now)
        for round in 0..<40 {
            let tenant = TenantID(.v7(at: now))
            let written = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await worker.transaction {
                            try await ConnectStore.insert("acct_\(round)", country: "DE", of: tenant, at: now, in: $0)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(written.filter { $0 }.count == 1)
        }
    }

    @Test("an account whose answer was lost is asked for again under the same key, and there is one")
    func lostAnswer() async throws {
        let ground = try await StripeGround.make()
        ground.stripe.fail("POST /v1/accounts", .reset, after: true, times: 10)
        #expect(try await ground.send(.post, "\(Self.root)/account", #"{"country":"DE"}"#).status == 503)
        ground.stripe.recover()
        // Five failures in a row have opened the breaker.
        ground.fixture.house.clock.advance(by: .seconds(60))
        let made = try await ground.send(.post, "\(Self.root)/account", #"{"country":"DE"}"#)
        #expect(made.status == 201, "\(made.body)")
        #expect(Set(ground.stripe.calls("POST /v1/accounts").map(\.key)).count == 1)
    }

    @Test("the form's link leads back here, and coming back proves nothing: charges wait for what Stripe says")
    func onboarding() async throws {
        let ground = try await StripeGround.make()
        #expect(try await ground.send(.get, "\(Self.root)/status").member("state") == "none")
        #expect(try await ground.send(.post, "\(Self.root)/onboarding-link").body.contains("no_connect_account"))
        let account = try await ground.connected(isEnabled: false)
        let link = try await ground.send(.post, "\(Self.root)/onboarding-link")
        #expect(link.status == 201 && link.member("url")?.hasPrefix("https://connect.stripe.com/") == true, "\(link.body)")
        let sent = try #require(ground.stripe.calls("POST /v1/account_links").last).parameters
        #expect(sent["account"] == account && sent["type"] == "account_onboarding")
        #expect(sent["return_url"]?.hasPrefix("https://localhost:8443/dashboard/settings/billing") == true)
        let payment = #"{"amount":1000,"currency":"EUR"}"#
        #expect(try await ground.send(.post, "\(Self.root)/payments", payment).body.contains("charges_not_enabled"))
        #expect(ground.stripe.calls("POST /v1/payment_intents").isEmpty)
        #expect(try await ground.send(.get, "\(Self.root)/status").member("state") == "onboarding")
        ground.enable(account)
        ground.fixture.house.clock.advance(by: .seconds(31))
        let house = ground.fixture.house
        try await house.withBackground(ground.fixture.service.background) {
            // Looking never waits for Stripe; the next look knows more.
            try await eventually("the account is read again") {
                try await ground.send(.get, "\(Self.root)/status").member("state") == "enabled"
            }
        }
        #expect(try await ground.trail("connect.update").count == 1)
        #expect(ground.stripe.violations.isEmpty, "\(ground.stripe.violations)")
    }

    @Test("a direct charge carries the account and our fee, rounded down; the same request under one key is one payment")
    func charge() async throws {
        let ground = try await StripeGround.make(settings: ["stripe.connect.application.fee.percent": "2.5"])
        let account = try await ground.connected()
        let body = #"{"amount":1999,"currency":"eur","description":"Setup","client_reference":"C-17"}"#
        let key: HTTPFields = [.idempotencyKey: "one"]
        let first = try await ground.send(.post, "\(Self.root)/payments", body, headers: key)
        let second = try await ground.send(.post, "\(Self.root)/payments", body, headers: key)
        #expect(first.status == 201 && first.body == second.body, "\(first.body)")
        #expect(first.member("account") == account && first.member("client_secret") != nil && first.member("client_reference") == "C-17")
        let calls = ground.stripe.calls("POST /v1/payment_intents")
        #expect(calls.count == 1)
        let call = try #require(calls.first)
        // 49.975 cents.
        #expect(call.account == account && call.parameters["application_fee_amount"] == "49" && call.parameters["currency"] == "eur")
        #expect(call.parameters["metadata[client_reference]"] == "C-17")
        let trail = try await ground.trail("connect.charge")
        #expect(trail.count == 1 && trail.first?.audit?.metadata["fee"] == "49" && trail.first?.tenant == ground.fixture.tenant)
        #expect(trail.first.map { !"\($0)".contains("Setup") } == true)
        let listed = try await ground.send(.get, "\(Self.root)/payments?limit=1")
        #expect(listed.status == 200 && listed.body.contains(#""id":"\#(first.member("id") ?? "?")""#) && !listed.body.contains("client_secret"))
        #expect(try await ground.send(.get, "\(Self.root)/payments?cursor=WyJwaV9ub25lIl0").status == 400)
        #expect(ground.stripe.violations.isEmpty, "\(ground.stripe.violations)")
    }

    @Test("without a percent no fee is sent; a lost answer under one key is one payment at Stripe")
    func lostCharge() async throws {
        let ground = try await StripeGround.make()
        let account = try await ground.connected()
        ground.stripe.fail("POST /v1/payment_intents", .reset, after: true, times: 10)
        let body = #"{"amount":500,"currency":"JPY"}"#
        let key: HTTPFields = [.idempotencyKey: "two"]
        #expect(try await ground.send(.post, "\(Self.root)/payments", body, headers: key).status == 503)
        ground.stripe.recover()
        ground.fixture.house.clock.advance(by: .seconds(60))
        #expect(try await ground.send(.post, "\(Self.root)/payments", body, headers: key).status == 201)
        let calls = ground.stripe.calls("POST /v1/payment_intents")
        #expect(Set(calls.map(\.key)).count == 1 && calls.allSatisfy { $0.account == account && $0.parameters["application_fee_amount"] == nil })
        let listed = try await ground.send(.get, "\(Self.root)/payments")
        #expect((listed.object["data"] as? [Any])?.count == 1, "\(listed.body)")
    }

    @Test("an account that its owner took from us charges nobody, is told once, and makes room for another")
    func deauthorized() async throws {
        let ground = try await StripeGround.make()
        let account = try await ground.connected()
        let sync = ground.fixture.service.connectSync
        // That somebody says so is not enough: the account is still ours to read.
        try await sync.refresh(account: account, cause: ConnectSync.deauthorization)
        #expect(try await ground.send(.get, "\(Self.root)/status").member("state") == "enabled")
        ground.stripe.set(["id": .text(account), "deleted": true])
        for _ in 0..<2 { try await sync.refresh(account: account, cause: ConnectSync.deauthorization) }
        let status = try await ground.send(.get, "\(Self.root)/status")
        #expect(status.member("state") == "deauthorized" && status.body.contains(#""charges_enabled":false"#), "\(status.body)")
        #expect(try await ground.send(.post, "\(Self.root)/payments", #"{"amount":1000,"currency":"EUR"}"#).body.contains("no_connect_account"))
        #expect(try await ground.trail("connect.deauthorize").count == 1)
        let another = try await ground.send(.post, "\(Self.root)/account", #"{"country":"US"}"#)
        #expect(another.status == 201 && another.member("account") != account, "\(another.body)")
        #expect(try await ground.send(.get, "\(Self.root)/status").member("state") == "onboarding")
        // What is said of the old one is nobody's any more.
        #expect(try await sync.refresh(account: account, cause: "account.updated") == nil)
    }

    @Test("only what Stripe says of the account itself takes it: a key of ours that may not read it is no word of its owner")
    func refused() async throws {
        let ground = try await StripeGround.make()
        let account = try await ground.connected()
        let sync = ground.fixture.service.connectSync
        for code in [nil, "secret_key_required"] as [String?] {
            ground.stripe.fail("GET /v1/accounts/", .status(403, type: "invalid_request_error", code: code))
            await #expect(throws: StripeError.self) { _ = try await sync.refresh(account: account, cause: ConnectSync.deauthorization) }
        }
        #expect(try await ground.send(.get, "\(Self.root)/status").member("state") == "enabled")
        ground.stripe.fail("GET /v1/accounts/", .status(403, type: "invalid_request_error", code: "account_invalid"))
        try await sync.refresh(account: account, cause: ConnectSync.deauthorization)
        #expect(try await ground.send(.get, "\(Self.root)/status").member("state") == "deauthorized")
    }

    @Test("of readings that cross, none older overwrites a newer one; an account of nobody's changes nothing")
    func crossing() async throws {
        let ground = try await StripeGround.make()
        let account = try await ground.connected(isEnabled: false)
        ground.enable(account)
        let sync = ground.fixture.service.connectSync
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { try await sync.refresh(account: account, cause: "account.updated") } }
            try await group.waitForAll()
        }
        let row = try await ground.worker.query("select charges_enabled, requirements::text as due from connect_accounts")[0]
        #expect(try row.decode("charges_enabled", as: Bool.self) && row.decode("due", as: String.self) == "[]")
        #expect(try await ground.trail("connect.update").count == 1)
        try await sync.refresh(account: "acct_of_nobody", cause: "account.updated")
    }

    @Test(
        "what cannot be is a 4xx that says so",
        arguments: [
            ("account", #"{"country":"Germany"}"#, "country"), ("account", "{}", "country"),
            ("payments", #"{"amount":0,"currency":"USD"}"#, "amount"), ("payments", #"{"amount":100000000,"currency":"USD"}"#, "amount"),
            ("payments", #"{"amount":1,"currency":"DOLLARS"}"#, "currency"), ("payments", #"{"amount":"one","currency":"USD"}"#, "amount"),
            ("payments", #"{"amount":1,"currency":"USD","description":""}"#, "description"),
        ])
    func invalid(path: String, body: String, field: String) async throws {
        let ground = try await StripeGround.make()
        let answer = try await ground.send(.post, "\(Self.root)/\(path)", body)
        #expect(answer.status == 400 && answer.member("field") == field, "\(answer.body)")
        #expect(ground.stripe.calls.isEmpty)
    }

    @Test("what Stripe does not take of the caller's own words is a 422 that names the field, and nothing else is")
    func refusedWords() async throws {
        let ground = try await StripeGround.make()
        _ = try await ground.connected()
        ground.stripe.fail("POST /v1/payment_intents", .status(400, type: "invalid_request_error", code: "amount_too_small"))
        let payment = try await ground.send(.post, "\(Self.root)/payments", #"{"amount":1,"currency":"USD"}"#)
        #expect(payment.status == 422 && payment.member("type") == "/problems/amount_not_accepted", "\(payment.body)")
        #expect(payment.member("field") == "amount")
        ground.stripe.fail("POST /v1/payment_intents", .status(400, type: "invalid_request_error", code: "parameter_unknown"))
        #expect(try await ground.send(.post, "\(Self.root)/payments", #"{"amount":1,"currency":"USD"}"#).status == 502)
        for (parameter, kind) in [("country", "country_not_supported"), ("currency", "currency_not_supported"), ("amount", "amount_not_accepted")] {
            let problem = Problem(ofConnect: StripeError(.invalidRequest, status: 400, parameter: parameter, message: "no"))
            #expect(problem?.kind == kind && problem?.status == .unprocessableContent && problem?.extensions["field"] == .text(parameter))
        }
        #expect(Problem(ofConnect: StripeError(.unavailable, parameter: "amount", message: "no")) == nil)
    }

    @Test("a country where Stripe opens no accounts is refused, and another may be asked for at once")
    func unsupportedCountry() async throws {
        let ground = try await StripeGround.make()
        ground.stripe.fail("POST /v1/accounts", .status(400, type: "invalid_request_error", code: "country_unsupported"))
        let refused = try await ground.send(.post, "\(Self.root)/account", #"{"country":"KP"}"#)
        #expect(refused.status == 422 && refused.member("type") == "/problems/country_not_supported", "\(refused.body)")
        #expect(try await ground.send(.post, "\(Self.root)/account", #"{"country":"DE"}"#).status == 201)
    }

    @Test("a key that reads billing sees what an admin sees, and pays nothing")
    func keys() async throws {
        let ground = try await StripeGround.make()
        let house = ground.fixture.house
        var headers = try await house.identityHeader(tenant: ground.fixture.tenant, role: .member, apiKey: UUID())
        headers[.contentType] = "application/json"
        let sent = headers
        try await house.withClient(ground.fixture.service) { client in
            for path in ["config", "subscription", "usage", "connect/status"] {
                try await client.execute(uri: "/api/v1/billing/\(path)", method: .get, headers: sent) {
                    #expect($0.status == .ok, "\(path): \(String(buffer: $0.body))")
                }
            }
            // Auth lets no key come here to change something; if it did, the role would not do.
            try await client.execute(
                uri: "\(Self.root)/account", method: .post, headers: sent, body: ByteBuffer(string: #"{"country":"DE"}"#)
            ) { #expect($0.status == .forbidden) }
        }
    }

    @Test("it is for admins with a confirmed address, and for nobody where there is no key of Stripe")
    func roles() async throws {
        let ground = try await StripeGround.make()
        let body = #"{"country":"DE"}"#
        #expect(try await ground.send(.post, "\(Self.root)/account", body, role: .member).status == 403)
        #expect(try await ground.send(.post, "\(Self.root)/account", body, role: .admin, isVerified: false).status == 403)
        #expect(try await ground.send(.get, "\(Self.root)/status", role: .member).status == 403)
        let bare = try await BillingFixture.make()
        let without = StripeGround(stripe: ground.stripe, fixture: bare)
        for (method, path) in [(HTTPRequest.Method.post, "account"), (.post, "onboarding-link"), (.get, "payments")] {
            let answer = try await without.send(method, "\(Self.root)/\(path)", method == .post ? body : nil)
            #expect(answer.status == 503 && answer.body.contains("stripe_not_configured"), "\(path): \(answer.body)")
        }
        #expect(try await without.send(.get, "\(Self.root)/status").member("state") == "none")
    }
}
