import Contracts
import Foundation
import HTTP
import HTTPTypes
import Primitives
import TestSupport
import Testing

@testable import Auth

@Suite("Auth's lists, a page at a time")
struct ListPagingTests {
    /// Every page of a list, `limit` at a time; the identifiers in the order in which they came.
    private func pages(_ browser: Browser, _ path: String, limit: Int) async throws -> [[String]] {
        struct Page: Decodable {
            struct Entry: Decodable {
                let id: String?
                let user: String?
            }
            struct Links: Decodable { let next: String? }
            let data: [Entry]
            let page: Links
        }
        var pages: [[String]] = []
        var cursor: String?
        repeat {
            let answer = try await browser.api(.get, "\(path)?limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? ""))
            let page = try JSONDecoder().decode(Page.self, from: Data(answer.body.utf8))
            pages.append(page.data.compactMap { $0.id ?? $0.user })
            cursor = page.page.next
        } while cursor != nil && pages.count < 20
        return pages
    }

    @Test("workspaces, keys, invitations, sessions and deletions come in pages that together are the list, each entry once")
    func all() async throws {
        let fixture = try await AuthFixture.make(seats: nil)
        let owner = try await fixture.signedIn()
        var workspaces: [String] = []
        for number in 1...5 {
            // Names as long as they may be, of characters that take the most room.
            let name = "\(number)" + String(repeating: "🐧", count: 99)
            let made = try await owner.api(.post, "/api/v1/workspaces", #"{"name":"\#(name)"}"#)
            workspaces.append(try #require(made.member("id"), "\(made.body)"))
            _ = try await owner.api(.post, "/api/v1/api-keys", #"{"name":"K\#(number)","scopes":["audit:read"]}"#)
            _ = try await owner.api(.post, "/api/v1/invitations", #"{"email":"guest\#(number)@example.com","role":"viewer"}"#)
            _ = try await fixture.browser().post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
            let deleted = try await owner.api(.delete, "/api/v1/workspaces/\(workspaces[number - 1])", #"{"name":"\#(name)"}"#)
            #expect(deleted.status == .accepted, "\(deleted.body)")
        }
        // The company's first workspace, if it has one, comes with the others.
        for path in ["/api/v1/workspaces", "/api/v1/api-keys", "/api/v1/invitations", "/api/v1/auth/sessions", "/api/v1/deletions"] {
            let whole = try await pages(owner, path, limit: 200)
            #expect(whole.count == 1 && whole[0].count >= 5, "\(path): \(whole)")
            let turned = try await pages(owner, path, limit: 2)
            #expect(turned.flatMap(\.self) == whole[0], "\(path)")
            #expect(turned.count == (whole[0].count + 1) / 2 && turned.dropLast().allSatisfy { $0.count == 2 }, "\(path)")
            #expect(try await owner.api(.get, "\(path)?limit=0").status == .badRequest)
            #expect(try await owner.api(.get, "\(path)?cursor=nonsense").status == .badRequest)
        }
        #expect(try await pages(owner, "/api/v1/workspaces", limit: 200)[0].filter(workspaces.contains) == workspaces)
    }

    @Test("paging through members goes on after one who has left meanwhile")
    func members() async throws {
        let fixture = try await AuthFixture.make(seats: nil)
        let owner = try await fixture.signedIn()
        for number in 1...3 {
            let email = "guest\(number)@example.com"
            _ = try await owner.api(.post, "/api/v1/invitations", #"{"email":"\#(email)","role":"viewer"}"#)
            fixture.house.clock.advance(by: .seconds(1))
            _ = try await fixture.browser().post(
                "/api/v1/auth/invitation/accept",
                #"{"token":"\#(try await fixture.linkToken(for: email))","name":"Bob","password":"correct horse battery"}"#)
        }
        let whole = try await pages(owner, "/api/v1/users", limit: 200)[0]
        #expect(whole.count == 4)
        struct Links: Decodable {
            struct Next: Decodable { let next: String? }
            let page: Next
        }
        let first = try await owner.api(.get, "/api/v1/users?limit=2")
        let cursor = try #require(try JSONDecoder().decode(Links.self, from: Data(first.body.utf8)).page.next)
        #expect(try await owner.api(.delete, "/api/v1/users/\(whole[1])").status == .noContent)
        // Gone for good, not only marked.
        try await fixture.house.house.worker.query("delete from users.tenant_users where user_id::text = \(whole[1])")
        let second = try await owner.api(.get, "/api/v1/users?limit=2&cursor=\(cursor)")
        #expect(second.body.contains(whole[2]) && second.body.contains(whole[3]), "\(second.body)")
    }
}
