import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Domains over the API")
struct DomainRouteTests {
    @Test("added, a domain says what to publish; published and checked it is verified, and its campaigns start")
    func life() async throws {
        let fixture = try await DomainFixture.make()
        let mailbox = try await fixture.mailbox("me@acme.example")
        #expect(try await fixture.sender(mailbox).reasons.map(\.code) == ["domain_not_added"])
        let added = try await fixture.add("Acme.Example.")
        #expect(added.status == 201, "\(added.body)")
        #expect(added.text("domain") == "acme.example" && added.text("state") == "pending" && !added.flag("is_authenticated"))
        #expect(added.codes == ["domain_not_found"])
        #expect(added.records("ownership").map(\.state) == ["missing"] && added.records("spf").first?.value == "v=spf1 include:_spf.google.com ~all")
        #expect(
            added.records("dkim").map(\.value) == DomainZone.keys.map(\.value) && added.records("dkim").map(\.state) == ["missing", "recommended"])
        #expect(added.records("dmarc").map(\.value) == ["v=DMARC1; p=none"] && added.records("tracking").map(\.state) == ["recommended"])
        #expect(added.records("mx").map(\.value) == ["1 smtp.google.com"])
        let missing = try await fixture.sender(mailbox)
        #expect(!missing.isAuthenticated && missing.domain == "acme.example" && missing.reasons.contains { $0.code == "spf_missing" })

        try fixture.publish(added)
        fixture.house.clock.advance(by: .seconds(1))
        let checked = try await fixture.send(.post, "/api/v1/domains/\(added.text("id"))/check")
        #expect(checked.status == 200 && checked.text("state") == "verified" && checked.flag("is_owned"), "\(checked.body)")
        #expect(checked.flag("spf") && checked.flag("dkim") && checked.flag("dmarc") && checked.codes.isEmpty)
        #expect(try await fixture.sender(mailbox) == .init(mailbox: mailbox, domain: "acme.example", isAuthenticated: true, reasons: []))
        let read = try await fixture.send(.get, "/api/v1/domains/\(added.text("id"))")
        #expect(read.body == checked.body)
        let row = try await fixture.house.house.worker.query("select tracking_host from domains")[0]
        #expect(try row.decodeOptional("tracking_host", as: String.self) == "track.acme.example")

        fixture.house.clock.advance(by: .seconds(1))
        let gone = try await fixture.send(.delete, "/api/v1/domains/\(added.text("id"))")
        #expect(gone.status == 204)
        #expect(try await fixture.send(.get, "/api/v1/domains/\(added.text("id"))").status == 404)
        #expect(try await fixture.house.house.worker.query("select name from domain_owners").isEmpty)
        #expect(try await fixture.events() == ["pending", "verified", "removed"])
        #expect(fixture.places.confirmed(.domains, of: fixture.tenant).isEmpty)
    }

    @Test("what is no domain, or a mail service's, is refused")
    func refused() async throws {
        let fixture = try await DomainFixture.make()
        let long = String(repeating: "abcdefgh.", count: 22) + "example"
        for domain in ["example", "", "-a.example", "a_b.example", "192.0.2.1", "bücher.example", "a..example", "exa mple.com", long] {
            let answer = try await fixture.add(domain)
            #expect(answer.status == 400 && answer.body.contains(#""field":"domain""#), "\(answer.body)")
        }
        #expect(try await fixture.add("gmail.com").text("type") == "/problems/domain_of_provider")
        #expect(fixture.places.reserved(.domains, of: fixture.tenant).isEmpty)
    }

    @Test("the plan's limit holds, a second time takes no second place, and a repeated request is answered as the first")
    func places() async throws {
        let fixture = try await DomainFixture.make(limit: 2)
        let first = try await fixture.add(key: "k1")
        #expect(first.status == 201)
        #expect(try await fixture.add(key: "k1").body == first.body)
        #expect(try await fixture.add().text("type") == "/problems/domain_exists")
        #expect(fixture.places.confirmed(.domains, of: fixture.tenant) == [first.text("id")])
        #expect(try await fixture.add("two.example").status == 201)
        let third = try await fixture.add("three.example")
        #expect(third.status == 422 && third.body.contains("limit_reached"))
        try await fixture.service.feature.recount.count()
        #expect(fixture.places.recounts.map(\.used) == [2] && fixture.places.recounts.map(\.resource) == [.domains])
        for domain in [first.text("id")] { #expect(try await fixture.send(.delete, "/api/v1/domains/\(domain)").status == 204) }
        #expect(try await fixture.add("three.example").status == 201)
    }

    @Test("a company that removed its last domain is still counted, with none")
    func counted() async throws {
        let fixture = try await DomainFixture.make()
        let added = try await fixture.add()
        #expect(try await fixture.send(.delete, "/api/v1/domains/\(added.text("id"))").status == 204)
        try await fixture.service.feature.recount.count()
        #expect(fixture.places.recounts.map(\.used) == [0] && fixture.places.recounts.map(\.tenant) == [fixture.tenant])
    }

    @Test("checks by hand keep a polite distance")
    func politeness() async throws {
        let fixture = try await DomainFixture.make()
        let id = try await fixture.add().text("id")
        #expect(try await fixture.send(.post, "/api/v1/domains/\(id)/check").status == 200)
        let again = try await fixture.send(.post, "/api/v1/domains/\(id)/check")
        #expect(again.status == 429 && again.retryAfter == "10" && again.text("type") == "/problems/too_many_checks")
        fixture.house.clock.advance(by: .seconds(10))
        #expect(try await fixture.send(.post, "/api/v1/domains/\(id)/check").status == 200)
    }

    @Test("who may what: viewers look, members change, strangers and other workspaces find nothing")
    func access() async throws {
        let fixture = try await DomainFixture.make()
        let id = try await fixture.add().text("id")
        let path = "/api/v1/domains/\(id)"
        #expect(try await fixture.send(.get, path, role: .viewer).status == 200)
        let list = try await fixture.send(.get, "/api/v1/domains", role: .viewer)
        #expect(list.body.contains(id) && !list.body.contains("\"records\""))
        #expect(try await fixture.send(.post, "\(path)/check", role: .viewer).status == 403)
        #expect(try await fixture.send(.delete, path, role: .viewer).status == 403)
        #expect(try await fixture.send(.patch, path, #"{"dkim_selectors":[]}"#, role: .viewer).status == 403)
        for (method, place) in [("GET", path), ("DELETE", path), ("POST", "\(path)/check")] {
            let answer = try await fixture.send(.init(rawValue: method)!, place, tenant: TenantID(UUID()))
            #expect(answer.status == 404)
            #expect(try await fixture.send(.init(rawValue: method)!, place, workspaces: [WorkspaceID(UUID())]).status == 404)
        }
        #expect(try await fixture.send(.get, "/api/v1/domains", tenant: TenantID(UUID())).body.contains("\"data\":[]"))
        #expect(try await fixture.send(.get, "/api/v1/domains", workspaces: [WorkspaceID(UUID())]).body.contains("\"data\":[]"))
        #expect(try await fixture.send(.get, "/api/v1/domains?workspace=\(fixture.workspace)").body.contains(id))
        #expect(try await fixture.send(.get, "/api/v1/domains?workspace=\(WorkspaceID(UUID()))").body.contains("\"data\":[]"))
        #expect(try await fixture.send(.get, "/api/v1/domains/nonsense").status == 404)
        let unreadable = try await fixture.send(.get, "/api/v1/domains?workspace=mine")
        #expect(unreadable.status == 400 && unreadable.body.contains(#""field":"workspace""#), "\(unreadable.body)")
        #expect(try await fixture.send(.get, "/api/v1/domains?workspace=\(WorkspaceID(UUID()))", workspaces: [fixture.workspace]).status == 404)
        let foreign = #"{"workspace":"\#(WorkspaceID(UUID()))","domain":"two.example"}"#
        #expect(try await fixture.send(.post, "/api/v1/domains", foreign, workspaces: [fixture.workspace]).status == 404)
        #expect(try await fixture.house.unprotectedTables() == [])
    }

    @Test("selectors that the owner names are looked at")
    func selectors() async throws {
        let fixture = try await DomainFixture.make()
        let added = try await fixture.add("keyless.example")
        #expect(added.records("dkim").map(\.codes) == [["dkim_missing", "dkim_no_key"]])
        try fixture.dns.publish([
            "keyless.example": ["TXT": ["v=spf1 ip4:192.0.2.1 -all"]], "_dmarc.keyless.example": ["TXT": ["v=DMARC1; p=reject"]],
            "_penguinmails.keyless.example": ["TXT": [added.records("ownership")[0].value]],
            "s7._domainkey.keyless.example": ["TXT": ["v=DKIM1; p=\(TestKeys.rsa2048)"]],
        ])
        let path = "/api/v1/domains/\(added.text("id"))"
        #expect(try await fixture.send(.patch, path, #"{"dkim_selectors":["a b"]}"#).status == 400)
        #expect(try await fixture.send(.patch, path, #"{"dkim_selectors":["1","2","3","4","5","6"]}"#).status == 400)
        #expect(try await fixture.send(.patch, path, #"{"dkim_selectors":["S7","s7"]}"#).json["dkim_selectors"] as? [String] == ["s7"])
        try await fixture.checkDue()
        let verified = try await fixture.send(.get, path)
        #expect(verified.text("state") == "verified", "\(verified.body)")
    }

    @Test("a mailbox that a provider hosts under its own name needs no domain; the gate is the operator's to open")
    func providers() async throws {
        let fixture = try await DomainFixture.make(isRequired: false)
        let (own, disguised) = (try await fixture.mailbox("me@gmail.com"), try await fixture.mailbox("you@gmail.com", server: "mail.acme.example"))
        #expect(try await fixture.sender(own).isAuthenticated)
        #expect(try await fixture.sender(disguised).reasons.map(\.code) == ["domain_not_added"])
        let answer = try await fixture.rpc.call(DeliveryRPC.CheckSendingDomains(tenant: fixture.tenant, mailboxes: [own, MailboxID(UUID())]))
        #expect(!answer.isRequired && answer.senders.map(\.mailbox) == [own])
        #expect(try await fixture.rpc.call(DeliveryRPC.CheckSendingDomains(tenant: TenantID(UUID()), mailboxes: [own])).senders == [])
        let many = (0..<201).map { _ in MailboxID(UUID()) }
        let error = await #expect(throws: RPCError.self) {
            _ = try await fixture.rpc.call(DeliveryRPC.CheckSendingDomains(tenant: fixture.tenant, mailboxes: many))
        }
        #expect(error?.kind == "invalid_batch")
    }
}
