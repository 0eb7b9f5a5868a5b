import Contracts
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Postgres
import Testing

@testable import HTTP

@Suite("Answers at the edge")
struct ProblemTests {
    struct Input: Codable {
        let name: String
        let postalAddress: String?
        let items: [Item]?

        struct Item: Codable {
            let count: Int
        }
    }

    /// One route that echoes JSON and one that throws what it is told to.
    private func application(throwing error: (any Error)? = nil) -> some ApplicationProtocol {
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        let router = Router(context: AppContext.self)
        router.add(middleware: ProblemMiddleware())
        router.add(
            middleware: IdentityMiddleware { token in
                guard token == "good" else { throw Problem.unauthenticated }
                return Identity(
                    tenant: TenantID(UUID()), user: UserID(UUID()), name: "A", role: .member, isVerified: true, workspaces: [],
                    session: SessionID(UUID()))
            })
        router.post("/echo") { request, _ in try Response.json(try await request.json(Input.self, limit: 200)) }
        router.get("/fail") { _, _ -> Response in throw error ?? Problem.internalError }
        router.get("/admin") { _, context in try Response.json([try context.require(atLeast: .admin).name]) }
        router.get("/things/{id}") { _, context in try Response.json([try context.identifier("id", as: LeadID.self)]) }
        router.get("/page") { request, _ in
            let page = try PageRequest(request)
            let start = try page.after(Int.self) ?? 0
            return try Response.json(Page((start + 1...start + page.limit + 1).filter { $0 <= 5 }, limit: page.limit) { $0 })
        }
        return Application(router: router, logger: quiet)
    }

    private func send(
        _ path: String, _ method: HTTPRequest.Method = .get, body: String? = nil, headers: HTTPFields = [:], throwing: (any Error)? = nil
    ) async throws -> (HTTPResponse.Status, HTTPFields, [String: Any]) {
        let (status, fields, bytes) = try await application(throwing: throwing).test(.router) { client in
            try await client.execute(uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) }) {
                ($0.status, $0.headers, Data($0.body.readableBytesView))
            }
        }
        return (status, fields, try JSONSerialization.jsonObject(with: bytes) as? [String: Any] ?? [:])
    }

    @Test(
        "a body that cannot be understood names the field, by its name on the wire",
        arguments: [
            ("{}", "name"), (#"{"name":1}"#, "name"), (#"{"name":null}"#, "name"), (#"{"name":"a","postal_address":[]}"#, "postal_address"),
            (#"{"name":"a","items":[{"count":1},{"count":"x"}]}"#, "items.1.count"),
        ])
    func badFields(body: String, field: String) async throws {
        let (status, headers, members) = try await send("/echo", .post, body: body, headers: [.contentType: "application/json"])
        #expect(status == .badRequest)
        #expect(headers[.contentType] == "application/problem+json")
        #expect(members["type"] as? String == "/problems/invalid_request")
        #expect(members["field"] as? String == field)
    }

    @Test(
        "names that stand twice, NUL and endless nesting are refused before anything reads them",
        arguments: [
            #"{"name":"a","name":"b"}"#, #"{"name":"a","n\u0061me":"b"}"#, #"{"name":"a","items":[{"count":1,"count":2}]}"#,
            #"{"name":"a\u0000b"}"#, "{\"name\":\"a\0b\"}", #"{"name":"a","x":\#(String(repeating: "[", count: 100))"#,
        ])
    func hostileBodies(body: String) async throws {
        let (status, _, members) = try await send("/echo", .post, body: body, headers: [.contentType: "application/json"])
        #expect(status == .badRequest && members["type"] as? String == "/problems/invalid_request")
    }

    @Test(
        "what only looks like it passes",
        arguments: [
            #"{"name":"a","later":{"name":"b"},"items":[{"count":1},{"count":2}]}"#, #"{"name":"{\"name\":1,\"name\":2}"}"#,
            #"{"name":"\\u0000"}"#, #"{"name":"[[[[","later":["name","name"]}"#,
        ])
    func harmlessBodies(body: String) async throws {
        let (status, _, _) = try await send("/echo", .post, body: body, headers: [.contentType: "application/json"])
        #expect(status == .ok)
    }

    @Test("no JSON, another content type, too many bytes", arguments: [("{", 400), ("", 400), (String(repeating: " ", count: 300), 413)])
    func badBodies(body: String, expected: Int) async throws {
        let (status, _, _) = try await send("/echo", .post, body: body, headers: [.contentType: "application/json"])
        #expect(status.code == expected)
    }

    @Test("another content type is a 415")
    func contentType() async throws {
        let (status, _, _) = try await send("/echo", .post, body: "{}", headers: [.contentType: "text/plain"])
        #expect(status.code == 415)
    }

    @Test("fields that nobody knows are tolerated")
    func unknownFields() async throws {
        let (status, _, members) = try await send(
            "/echo", .post, body: #"{"name":"a","later":{"x":1}}"#, headers: [.contentType: "application/json; charset=utf-8"])
        #expect(status == .ok)
        #expect(members["name"] as? String == "a")
    }

    @Test("an unexpected error says nothing about itself and carries the request id")
    func internalErrors() async throws {
        struct Secret: Error { let password = "hunter2" }
        let (status, _, members) = try await send("/fail", headers: [.requestID: "r1"], throwing: Secret())
        #expect(status == .internalServerError)
        #expect(members["request_id"] as? String == "r1")
        #expect(!"\(members)".contains("hunter2"))
    }

    @Test("a database that is away is a 503 that says when to come back")
    func databaseAway() async throws {
        let (status, headers, _) = try await send("/fail", throwing: PostgresError(.poolExhausted, message: "busy"))
        #expect(status == .serviceUnavailable)
        #expect(headers[.retryAfter] != nil)
    }

    @Test("a malformed identifier is told in the words of the thing that is not there")
    func malformedIdentifiers() async throws {
        let (status, _, members) = try await send("/things/not-a-uuid")
        #expect(status == .notFound && members["title"] as? String == "There is no such lead.")
        #expect(MailboxID.noun == "mailbox" && TenantID.noun == "company" && EntityID<SupportSessionKind>.noun == "support session")
        #expect(EntityID<Input>.noun == "input")
    }

    private enum SupportSessionKind {}

    @Test("unknown routes and malformed identifiers are problem details too", arguments: ["/nowhere", "/things/not-a-uuid"])
    func notFound(path: String) async throws {
        let (status, headers, _) = try await send(path)
        #expect(status == .notFound)
        #expect(headers[.contentType] == "application/problem+json")
    }

    @Test(
        "roles: nobody 401, too little 403, a token that is not good 401", arguments: [(nil, 401), ("good", 403), ("bad", 401)] as [(String?, Int)])
    func roles(token: String?, expected: Int) async throws {
        var headers: HTTPFields = [:]
        headers[.identityToken] = token
        let (status, _, _) = try await send("/admin", headers: headers)
        #expect(status.code == expected)
    }

    @Test("pages follow each other by cursor, each thing once")
    func paging() async throws {
        var seen: [Int] = []
        var cursor = ""
        while true {
            let (_, _, members) = try await send("/page?limit=2\(cursor)")
            seen += members["data"] as? [Int] ?? []
            guard let next = (members["page"] as? [String: Any])?["next"] as? String else { break }
            cursor = "&cursor=\(next)"
        }
        #expect(seen == [1, 2, 3, 4, 5])
    }

    @Test("limits and cursors that are not ours are a 400", arguments: ["limit=0", "limit=201", "limit=x", "cursor=%21%21", "cursor=WyJ4Il0"])
    func badPaging(query: String) async throws {
        let (status, _, members) = try await send("/page?\(query)")
        #expect(status == .badRequest)
        #expect(members["field"] != nil)
    }
}
