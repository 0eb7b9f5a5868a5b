import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import TestSupport
import Testing

@testable import Delivery

@Suite("Signing keys over HTTP")
struct SigningKeyRoutesTests {
    private struct Key: Decodable {
        struct Record: Decodable {
            let name: String
            let type: String
            let value: String
        }

        let domain: String
        let selector: String
        let algorithm: String
        let state: String
        let action: String
        let record: Record
    }

    private struct Keys: Decodable {
        let keys: [Key]
    }

    private struct Listed: Decodable {
        struct Links: Decodable {
            let next: String?
        }

        let data: [Key]
        let page: Links
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ answer: (status: Int, body: String)) throws -> Value {
        try WireJSON.decoder().decode(type, from: Data(answer.body.utf8))
    }

    @Test("made, listed, rotated, checked and retired by their owner")
    func life() async throws {
        let fixture = try await DeliveryFixture.make()
        let made = try await fixture.send(.post, "/api/v1/signing-keys", #"{"domain":"Mail.Sender.Example"}"#)
        #expect(made.status == 201, "\(made.body)")
        let keys = try decode(Keys.self, made).keys
        #expect(keys.map(\.algorithm) == ["rsa-sha256", "ed25519-sha256"] && keys.allSatisfy { $0.state == "pending" && $0.action == "publish" })
        #expect(keys.allSatisfy { $0.domain == "mail.sender.example" && $0.record.type == "TXT" })
        #expect(keys[0].record.name == "\(keys[0].selector)._domainkey.mail.sender.example")
        #expect(keys[0].record.value.hasPrefix("v=DKIM1; k=rsa; p=MII"))
        #expect(!made.body.contains("v1.k1.") && !made.body.lowercased().contains("private"))

        _ = try await fixture.send(.post, "/api/v1/signing-keys", #"{"domain":"other.example"}"#)
        let own = try decode(Listed.self, try await fixture.send(.get, "/api/v1/signing-keys?domain=mail.sender.example"))
        #expect(own.data.map(\.selector) == keys.map(\.selector) && own.page.next == nil)
        let first = try decode(Listed.self, try await fixture.send(.get, "/api/v1/signing-keys?limit=3"))
        #expect(first.data.map(\.domain) == ["mail.sender.example", "mail.sender.example", "other.example"])
        let rest = try decode(Listed.self, try await fixture.send(.get, "/api/v1/signing-keys?limit=3&cursor=\(try #require(first.page.next))"))
        #expect(rest.data.map(\.domain) == ["other.example"] && rest.page.next == nil)
        #expect(try decode(Listed.self, try await fixture.send(.get, "/api/v1/signing-keys", tenant: TenantID(UUID()))).data.isEmpty)

        try await fixture.database.query("update signing_keys set state = 'active' where domain = 'other.example'")
        let rotated = try await fixture.send(.post, "/api/v1/signing-keys/rotate", #"{"domain":"other.example"}"#)
        #expect(try decode(Keys.self, rotated).keys.map(\.state) == ["active", "active", "pending", "pending"])
        // Asked for now; that DNS could not be asked changes nothing.
        let checked = try await fixture.send(.post, "/api/v1/signing-keys/check", #"{"domain":"other.example"}"#)
        #expect(try decode(Keys.self, checked).keys.map(\.state) == ["active", "active", "pending", "pending"])

        let body = #"{"domain":"mail.sender.example","selector":"\#(keys[0].selector)","reason":"leaked"}"#
        let retired = try await fixture.send(.post, "/api/v1/signing-keys/retire", body)
        let key = try decode(Key.self, retired)
        #expect(key.state == "retired" && key.action == "remove")
        let trail = try await fixture.database.query("select body from outbox where type = 'delivery.signing_key.changed'").map {
            try $0.decode("body", as: String.self)
        }
        let told = try #require(trail.first { $0.contains(#""action":"signing_key.retire""#) })
        #expect(told.contains(#""reason":"leaked""#) && told.contains(#""kind":"user""#))
    }

    @Test(
        "what is no domain, and what is not there, is said",
        arguments: [
            ("/api/v1/signing-keys", #"{"domain":"nonsense"}"#, 400), ("/api/v1/signing-keys", #"{"domain":"a b.example"}"#, 400),
            ("/api/v1/signing-keys", #"{"domain":"x@y.example"}"#, 400), ("/api/v1/signing-keys", #"{}"#, 400),
            ("/api/v1/signing-keys/rotate", #"{"domain":"unknown.example"}"#, 404),
            ("/api/v1/signing-keys/check", #"{"domain":"unknown.example"}"#, 404),
            ("/api/v1/signing-keys/retire", #"{"domain":"unknown.example","selector":"s","reason":"r"}"#, 404),
            ("/api/v1/signing-keys/retire", #"{"domain":"unknown.example","selector":"s","reason":" "}"#, 400),
        ])
    func refused(path: String, body: String, status: Int) async throws {
        let fixture = try await DeliveryFixture.make()
        let answer = try await fixture.send(.post, path, body)
        #expect(answer.status == status, "\(answer.body)")
        #expect(try await fixture.database.query("select 1 as one from signing_keys").isEmpty)
    }

    @Test("who is limited to workspaces sees the keys of domains that these have or send from, and changes those that they have")
    func workspaces() async throws {
        let fixture = try await DeliveryFixture.make()
        let (mine, elsewhere) = ([fixture.workspace], WorkspaceID(UUID()))
        let path = "/api/v1/signing-keys"
        for (name, workspace) in [("mine.example", fixture.workspace), ("theirs.example", elsewhere), ("shared.example", elsewhere)] {
            let domain = UUID()
            try await fixture.database.query(
                """
                insert into domains (tenant_id, id, workspace_id, name, token, created_at, next_check_at)
                values (\(fixture.tenant), \(domain), \(workspace), \(name), 't', now(), now() + interval '1 day')
                """)
            #expect(try await fixture.ask(.post, path, #"{"domain":"\#(name)"}"#).status == 201)
        }
        _ = try await fixture.mailbox("me@shared.example")
        func seen(_ query: String = "") async throws -> Set<String> {
            let answer = try await fixture.ask(.get, path + query, as: .viewer, in: mine)
            return Set(answer.body.matches(of: /"domain":"([a-z.]+)"/).map { String($0.1) })
        }
        #expect(try await seen() == ["mine.example", "shared.example"])
        #expect(try await seen("?domain=theirs.example").isEmpty)
        // Pages are whole: nothing is left out of them behind their cut.
        let first = try await fixture.ask(.get, "\(path)?limit=3", as: .viewer, in: mine)
        let next = try #require(first.body.firstMatch(of: /"next":"([^"]+)"/)?.1, "\(first.body)")
        #expect(try await seen("?limit=3&cursor=\(next)") == ["shared.example"])
        for (domain, look, change) in [("mine.example", 200, 200), ("shared.example", 200, 403), ("theirs.example", 404, 404)] {
            let body = #"{"domain":"\#(domain)"}"#
            #expect(try await fixture.ask(.post, "\(path)/check", body, as: .member, in: mine).status == look, "\(domain)")
            #expect(try await fixture.ask(.post, "\(path)/rotate", body, as: .admin, in: mine).status == change, "\(domain)")
            #expect(try await fixture.ask(.post, path, body, as: .admin, in: mine).status == (change == 200 ? 201 : change), "\(domain)")
            let found = try await fixture.ask(.get, "\(path)?domain=\(domain)")
            let selector = try #require(found.body.firstMatch(of: /"selector":"([^"]+)"/)?.1, "\(found.body)")
            let retire = #"{"domain":"\#(domain)","selector":"\#(selector)","reason":"leaked"}"#
            #expect(try await fixture.ask(.post, "\(path)/retire", retire, as: .admin, in: mine).status == change, "\(domain)")
        }
        #expect(try await fixture.ask(.post, "\(path)/rotate", #"{"domain":"theirs.example"}"#, as: .admin).status == 200)
    }

    @Test("a bad cursor is a 400; members may look and check, only administrators make, rotate and retire")
    func roles() async throws {
        let fixture = try await DeliveryFixture.make()
        #expect(try await fixture.send(.get, "/api/v1/signing-keys?cursor=WyJ4Il0").status == 400)
        #expect(try await fixture.send(.get, "/api/v1/signing-keys?domain=nonsense").status == 400)
        var headers = try await fixture.house.identityHeader(tenant: fixture.tenant, role: .member)
        headers[.contentType] = "application/json"
        let sent = headers
        let statuses = try await fixture.house.withClient(fixture.service) { client in
            var found: [Int] = []
            for path in ["", "/rotate", "/retire"] {
                let body = ByteBuffer(string: #"{"domain":"d.example","selector":"s","reason":"r"}"#)
                found.append(
                    try await client.execute(uri: "/api/v1/signing-keys\(path)", method: .post, headers: sent, body: body) { $0.status.code })
            }
            found.append(try await client.execute(uri: "/api/v1/signing-keys", method: .get, headers: sent, body: nil) { $0.status.code })
            found.append(try await client.execute(uri: "/api/v1/signing-keys", method: .get, headers: [:], body: nil) { $0.status.code })
            return found
        }
        #expect(statuses == [403, 403, 403, 200, 401])
    }
}
