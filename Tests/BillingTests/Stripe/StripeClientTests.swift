import Contracts
import Foundation
import Hummingbird
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite("Asking Stripe")
struct StripeClientTests {
    private static let quick = StripeClient.Limits(read: .seconds(2), write: .seconds(2))

    @Test("what is sent has key, version and idempotency key, and the same key twice is one object")
    func once() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        let first = try await fixture.customer(["name": "Acme", "metadata": ["tenant": .text(fixture.tenant.description)]])
        let again = try await fixture.customer(["name": "Acme", "metadata": ["tenant": .text(fixture.tenant.description)]])
        #expect(first == again && first.name == "Acme" && first.metadata == ["tenant": fixture.tenant.description])
        let calls = stripe.calls
        #expect(calls.count == 2 && calls[1].isReplay)
        #expect(calls.allSatisfy { $0.key == "\(fixture.tenant):customer" && $0.version == "2026-08-26.dahlia" && $0.account.isEmpty })
        #expect(try await fixture.client.read(StripeCustomer.self, "/v1/customers/\(first.id)") == first)
        #expect(try await fixture.frozen("customer")?.isAnswered == true)
        #expect(stripe.violations == [])
    }

    @Test("parameters stay as they were first sent under a key, whatever is asked for later; another key and another tenant are free")
    func frozen() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        let first = try await fixture.customer(["name": "Acme"])
        let changed = try await fixture.customer(["name": "Another name"])
        #expect(changed == first)
        #expect(stripe.calls.map(\.parameters) == [["name": "Acme"], ["name": "Acme"]])
        #expect(try await fixture.customer(["name": "Another name"], key: "customer-2").id != first.id)
        let stranger = TenantID(.v7(at: Date()))
        let theirs = try await fixture.client.write(StripeCustomer.self, "/v1/customers", ["name": "Theirs"], key: "customer", for: stranger)
        #expect(theirs.id != first.id && theirs.name == "Theirs")
    }

    @Test("ten at once under one key make one object")
    func parallel() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<10 { group.addTask { try await fixture.customer(["name": "Acme \(number)"]).id } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        #expect(Set(stripe.calls.map(\.parameters)).count == 1)
    }

    @Test(
        "an answer that was lost is asked for again: one object, also when Stripe broke off once it was made",
        arguments: [
            (.reset, true), (.reset, false), (.timeout(), true), (.timeout(), false), (.status(409, code: "lock_timeout"), false),
            (.status(503), false),
        ] as [(StripeDoubleCore.Failure.Mode, Bool)])
    func lost(mode: StripeDoubleCore.Failure.Mode, after: Bool) async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base, limits: Self.quick)
        stripe.fail("POST /v1/customers", mode, after: after)
        let customer = try await fixture.customer()
        #expect(stripe.calls.count == 2 && stripe.calls[1].isReplay == after)
        let all = try await fixture.client.read(StripeList<StripeCustomer>.self, "/v1/customers", ["limit": 100])
        #expect(all.data == [customer] && !all.hasMore)
    }

    @Test("a failure of Stripe's in the middle stands under the key, and its own error is what the caller gets")
    func stuck() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        stripe.fail("POST /v1/customers", .status(500), after: true)
        let error = await fixture.failure { try await fixture.customer() }
        #expect(error?.kind == .unavailable && error?.status == 500 && error?.isTransient == true)
        // The first try and three more; Stripe answers all of them as it answered the first.
        #expect(stripe.calls.count == 4)
        #expect(try await fixture.frozen("customer")?.isAnswered == false)
        #expect(try await fixture.customer(key: "customer-2").name == "Acme")
    }

    @Test("a refusal is not tried again, says what is wrong, and leaves the key free for what is corrected")
    func refusal() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        let error = await fixture.failure { try await fixture.customer(["nme": "Acme"]) }
        #expect(error?.kind == .invalidRequest && error?.status == 400 && error?.code == "parameter_unknown" && error?.parameter == "nme")
        #expect(error?.requestID == "req_double1" && error?.isTransient == false)
        #expect(stripe.calls.count == 1 && stripe.violations.count == 1)
        #expect(try await fixture.frozen("customer") == nil)
        #expect(try await fixture.customer(["name": "Acme"]).name == "Acme")
    }

    @Test(
        "Stripe's errors have one kind each",
        arguments: [
            (401, "invalid_request_error", nil, .authentication), (403, "invalid_request_error", nil, .authentication),
            (402, "card_error", "card_declined", .card), (400, "idempotency_error", nil, .idempotency),
            (409, "invalid_request_error", nil, .invalidRequest), (404, "invalid_request_error", "resource_missing", .notFound),
            (400, "card_error", "expired_card", .card), (400, "invalid_request_error", "a_word_of_2030", .invalidRequest),
        ] as [(Int, String, String?, StripeError.Kind)])
    func kinds(status: Int, type: String, code: String?, expected: StripeError.Kind) {
        var error: [String: String] = ["type": type, "message": "ada@example.com is wrong"]
        error["code"] = code
        let body = (try? JSONEncoder().encode(["error": error])) ?? Data()
        let read = StripeError(status: status, body: body, requestID: "req_1")
        #expect(read.kind == expected && read.code == code && !read.isTransient)
        #expect(read.message == "ada@example.com is wrong" && !"\(read)".contains("ada@") && "\(read)".contains("req_1"))
        #expect(StripeError(status: status, body: Data("<html>".utf8), requestID: nil).message == "Stripe answered \(status).")
    }

    @Test("a declined card is the customer's matter: the error says why, and the key is used up")
    func card() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        stripe.set(["id": "in_1", "object": "invoice", "amount_due": 4_900, "amount_remaining": 4_900, "total": 4_900])
        stripe.fail("POST /v1/invoices/in_1/pay", .status(402, type: "card_error", code: "card_declined"))
        let error = await fixture.failure {
            try await fixture.client.write(StripeInvoice.self, "/v1/invoices/in_1/pay", key: "pay-1", for: fixture.tenant)
        }
        #expect(error?.kind == .card && error?.code == "card_declined" && error?.isTransient == false)
        #expect(try await fixture.frozen("pay-1")?.isAnswered == true)
        let paid = try await fixture.client.write(StripeInvoice.self, "/v1/invoices/in_1/pay", key: "pay-2", for: fixture.tenant)
        #expect(paid.status == "paid" && paid.amountPaid == 4_900)
    }

    @Test(
        "what cannot be sent as it is never leaves",
        arguments: [
            ("/v1/customers/../x", "k", nil), ("/v1/customers", "", nil), ("/v1/customers", "a b", nil), ("/v1/customers", "k\r\nx: y", nil),
            ("/v1/customers", String(repeating: "k", count: 220), nil), ("/v1/customers", "k", "acct_1\r\nx: y"),
        ] as [(String, String, String?)])
    func malformed(path: String, key: String, account: String?) async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        let error = await fixture.failure {
            try await fixture.client.write(StripeCustomer.self, path, key: key, for: fixture.tenant, account: account)
        }
        #expect(error?.kind == .invalidRequest && error?.status == nil && stripe.calls.isEmpty)
    }

    @Test("a key that was used for another kind of call, or on another account, is refused before anything is sent")
    func reused() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        let customer = try await fixture.customer(key: "k")
        let deleted = await fixture.failure {
            try await fixture.client.delete(StripeIdentified.self, "/v1/customers/\(customer.id)", key: "k", for: fixture.tenant)
        }
        #expect(deleted?.kind == .idempotency && deleted?.code == "key_reused")
        let elsewhere = await fixture.failure {
            try await fixture.client.write(StripeCustomer.self, "/v1/customers", key: "k", for: fixture.tenant, account: "acct_1")
        }
        #expect(elsewhere?.kind == .idempotency && stripe.calls.count == 1)
    }

    @Test("a connected account's objects are its own, and only accounts that are ours may be named")
    func accounts() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        let unknown = await fixture.failure { try await fixture.client.read(StripeList<StripeCustomer>.self, "/v1/customers", account: "acct_1") }
        #expect(unknown?.kind == .authentication && unknown?.code == "account_invalid")
        stripe.set(["id": "acct_1", "object": "account"])
        let theirs = try await fixture.client.write(
            StripeCustomer.self, "/v1/customers", ["name": "Client"], key: "client", for: fixture.tenant, account: "acct_1")
        #expect(stripe.calls.last?.account == "acct_1")
        #expect(await fixture.failure { try await fixture.client.read(StripeCustomer.self, "/v1/customers/\(theirs.id)") }?.kind == .notFound)
        #expect(try await fixture.client.read(StripeCustomer.self, "/v1/customers/\(theirs.id)", account: "acct_1") == theirs)
    }

    @Test("frozen parameters are forgotten by age, batch by batch")
    func prune() async throws {
        let stripe = try await StripeDouble.start()
        let fixture = try await StripeFixture.make(base: stripe.base)
        _ = try await fixture.customer(key: "old")
        fixture.house.clock.advance(by: .seconds(86_400))
        _ = try await fixture.customer(key: "new")
        #expect(try await fixture.client.prune(before: fixture.house.clock.clock.now - 60))
        #expect(try await fixture.frozen("old") == nil)
        #expect(try await fixture.frozen("new") != nil)
    }
}
