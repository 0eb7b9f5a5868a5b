import Contracts
import Foundation
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import Auth

@Suite("What a company asks of its people")
struct PolicyTests {
    private static let path = "/api/v1/tenants/current/policy"

    private static func body(idle: Int = 480, absolute: Int = 720, length: Int = 8) -> String {
        #"{"session_idle_minutes":\#(idle),"session_absolute_hours":\#(absolute),"password_minimum_length":\#(length)}"#
    }

    @Test("sessions end when the company says so, idle or absolute, those that are open too")
    func sessions() async throws {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        #expect(try await browser.api(.get, Self.path).body.contains(#""session_idle_minutes":480"#))
        #expect(try await browser.api(.put, Self.path, Self.body(idle: 4)).status == .badRequest)
        #expect(try await browser.api(.put, Self.path, Self.body(idle: 30, absolute: 2)).status == .ok)
        fixture.house.clock.advance(by: .seconds(29 * 60))
        #expect(try await browser.get("/api/v1/auth/session").status == .ok)
        fixture.house.clock.advance(by: .seconds(31 * 60))
        #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
        _ = try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
        for _ in 0..<4 {
            #expect(try await browser.get("/api/v1/auth/session").status == .ok)
            fixture.house.clock.advance(by: .seconds(29 * 60 + 30))
        }
        fixture.house.clock.advance(by: .seconds(3 * 60))
        #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await fixture.events("auth.tenant.policyChanged") == 1)
    }

    @Test("whoever founds a second company works under the stricter policy in both; a company can be renamed, and at most ten are one person's")
    func companies() async throws {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        let founded = try await browser.api(.post, "/api/v1/tenants", #"{"name":"Second Ltd"}"#)
        #expect(founded.status == .created, "\(founded.body)")
        let first = try #require(try await browser.api(.get, "/api/v1/tenants/current").member("id"))
        #expect(try await browser.api(.put, Self.path, Self.body(idle: 10)).status == .ok)
        let second = try #require(founded.member("id"))
        #expect(try await browser.post("/api/v1/auth/switch-tenant", #"{"tenant":"\#(second)"}"#).status == .noContent)
        #expect(try await browser.api(.get, "/api/v1/tenants/current").member("id") == second && first != second)
        #expect(try await browser.api(.patch, "/api/v1/tenants/current", #"{"name":"Third Ltd"}"#).status == .ok)
        #expect(try await browser.api(.get, "/api/v1/tenants/current").member("name") == "Third Ltd")
        #expect(try await fixture.events("auth.tenant.renamed") == 1)
        for _ in 0..<8 { #expect(try await browser.api(.post, "/api/v1/tenants", #"{"name":"More"}"#).status == .created) }
        #expect(try await browser.api(.post, "/api/v1/tenants", #"{"name":"Too many"}"#).body.contains("too_many_companies"))
        fixture.house.clock.advance(by: .seconds(11 * 60))
        #expect(try await browser.get("/api/v1/auth/session").status == .unauthorized)
    }

    @Test("only an owner who has just given the password sets it")
    func stepUp() async throws {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        fixture.house.clock.advance(by: .seconds(16 * 60))
        let refused = try await browser.api(.put, Self.path, Self.body(length: 12))
        #expect(refused.status == .forbidden && refused.body.contains("step_up_required"))
        #expect(try await browser.post("/api/v1/auth/step-up", #"{"password":"correct horse battery"}"#).status == .noContent)
        #expect(try await browser.api(.put, Self.path, Self.body(length: 12)).status == .ok)
    }

    @Test("new passwords are as long as the strictest of one's companies asks; staff's at least fifteen")
    func length() async throws {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        #expect(try await browser.api(.put, Self.path, Self.body(length: 20)).status == .ok)
        func change(to password: String) async throws -> Browser.Answer {
            try await browser.post("/api/v1/auth/password/change", #"{"current":"correct horse battery","new":"\#(password)"}"#)
        }
        let short = try await change(to: "nineteen characters")
        #expect(short.status == .badRequest && short.body.contains("at least 20 characters"))
        #expect(try await browser.api(.put, Self.path, Self.body(length: 8)).status == .ok)
        try await fixture.house.house.worker.query("insert into staff (user_id, role, created_at) select id, 'ops', now() from users.users")
        #expect(try await change(to: "fourteen chars").body.contains("at least 15 characters"))
        #expect(try await change(to: "fifteen letters").status == .ok)
    }
}

@Suite("Passwords from elsewhere")
struct ForeignPasswordTests {
    /// "U*U" and its hash are bcrypt's own test vectors; the others were made with Debian's libcrypt.
    @Test("bcrypt verifies, is replaced by ours at sign-in, and a password it would cut short matches nothing")
    func bcrypt() async throws {
        let known = try #require(ImportedHash("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"))
        #expect(known.matches(Data("U*U".utf8)) && !known.matches(Data("U*V".utf8)))
        #expect(!known.matches(Data("U*U\0more".utf8)) && !known.matches(Data(repeating: 0x41, count: 73)))
        for text in ["$2a$13$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$1$abc$def", "", "$2a$05$CCCC"] {
            #expect(ImportedHash(text) == nil)
        }
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        let worker = fixture.house.house.worker
        try await worker.query(
            """
            update credentials set payload = '{"crypt":"crypt-bf/8","hash":"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}'
            """)
        #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com", password: "U*V")).status == .unauthorized)
        #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com", password: "U*U")).status == .ok)
        let stored: String = try await worker.query("select payload ->> 'hash' as hash from credentials")[0].decode("hash")
        #expect(stored.hasPrefix("$scrypt$ln="))
        #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com", password: "U*U")).status == .ok)
    }

    @Test("a filter made by the script knows every password of its list, in plain or as digest, and hardly any other")
    func filter() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "filter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let leaked = (0..<2_000).map { "leaked password \($0)" }
        // SHA-1 of "open sesame forty", as public lists have it.
        let list = leaked + ["5E9DA7A0C9F6065F292CFB07C06B94C3A939A59A:17"]
        let (source, target) = (folder.appending(path: "list"), folder.appending(path: "filter"))
        try Data(list.joined(separator: "\n").utf8).write(to: source)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../Tools/passwords/build_filter.py")
        process.arguments = [script.path, source.path, target.path]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let filter = try #require(BreachedPasswords(file: try Data(contentsOf: target)))
        #expect(leaked.allSatisfy(filter.contains))
        #expect((0..<5_000).count { filter.contains("some other password \($0)") } < 50)
        #expect(filter.contains("open sesame forty") && filter.contains("password123"))
        #expect(throws: Password.Rejection.common) { try Password(new: "leaked password 7", breached: filter) }
        #expect(BreachedPasswords(file: Data("nonsense".utf8)) == nil)
        #expect(BreachedPasswords(file: try Data(contentsOf: target).prefix(100)) == nil)
    }
}
