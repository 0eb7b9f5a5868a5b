import Contracts
import Foundation
import HTTP
import HTTPTypes
import TestSupport
import Testing

@testable import Auth

@Suite("Members and invitations")
struct MemberTests {
    private func invite(_ browser: Browser, _ email: String, role: String = "member", workspaces: String = "null") async throws -> Browser.Answer {
        try await browser.api(.post, "/api/v1/invitations", #"{"email":"\#(email)","role":"\#(role)","workspaces":\#(workspaces)}"#)
    }

    /// Invites and lets the invited person make an account.
    private func joined(
        _ fixture: AuthFixture, _ owner: Browser, _ email: String, role: String = "member", workspaces: String = "null"
    ) async throws -> Browser {
        #expect(try await invite(owner, email, role: role, workspaces: workspaces).status == .created)
        let browser = fixture.browser()
        let token = try await fixture.linkToken(for: email)
        let accepted = try await browser.post(
            "/api/v1/auth/invitation/accept", #"{"token":"\#(token)","name":"Bob","password":"correct horse battery"}"#)
        #expect(accepted.status == .ok, "\(accepted.body)")
        #expect(try await browser.post("/api/v1/auth/sign-in", Browser.signInBody(email)).status == .ok)
        return browser
    }

    private func user(_ browser: Browser) async throws -> String {
        let body = try await browser.get("/api/v1/auth/session").body
        return try #require(body.firstMatch(of: /"id":"([0-9a-f-]{36})","name":"(?:Ada|Bob)"/)?.1).description
    }

    @Test("whoever is invited sees by whom, makes an account with a proven address, and works in the company in that role")
    func invitation() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        #expect(try await invite(owner, "Bob@Example.com", role: "viewer").status == .created)
        #expect(try await invite(owner, "bob@example.com").body.contains("already_invited"))
        let token = try await fixture.linkToken(for: "bob@example.com")
        let stranger = fixture.browser()
        let offer = try await stranger.get("/api/v1/auth/invitation?token=\(token)")
        #expect(offer.body.contains(#""company":"Penguins Ltd""#) && offer.body.contains(#""has_account":false"#))
        #expect(try await stranger.get("/api/v1/auth/invitation?token=nonsense").status == .unprocessableContent)
        for query in ["", "?token="] { #expect(try await stranger.get("/api/v1/auth/invitation\(query)").status == .badRequest) }
        let body = #"{"token":"\#(token)","name":"Bob","password":"correct horse battery"}"#
        #expect(try await stranger.post("/api/v1/auth/invitation/accept", body).status == .ok)
        #expect(try await stranger.post("/api/v1/auth/invitation/accept", body).body.contains("invitation_gone"))
        let signedIn = try await stranger.post("/api/v1/auth/sign-in", Browser.signInBody("bob@example.com"))
        #expect(signedIn.member("role") == "viewer" && signedIn.body.contains(#""verified":true"#))
        let list = try await owner.api(.get, "/api/v1/users")
        #expect(list.body.contains("bob@example.com") && list.body.contains("ada@example.com"))
        #expect(try await stranger.api(.get, "/api/v1/invitations").status == .forbidden)
        #expect(try await invite(stranger, "carl@example.com").status == .forbidden)
        #expect(try await fixture.events("auth.member.joined") == 1)
    }

    @Test("whoever has an account signs in first, then works in both companies and chooses; a limit to workspaces travels in the identity")
    func secondCompany() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let bob = try await fixture.signedIn("bob@example.com")
        let foreign = try await invite(owner, "bob@example.com", workspaces: #"["\#(UUID().text)"]"#)
        #expect(foreign.status == .unprocessableContent && foreign.body.contains("workspace_not_found"), "\(foreign.status) \(foreign.body)")
        let made = try await owner.api(.post, "/api/v1/workspaces", #"{"name":"Sales"}"#)
        let workspace = try #require(made.member("id"), "\(made.body)")
        #expect(try await invite(owner, "bob@example.com", workspaces: #"["\#(workspace)"]"#).status == .created)
        let token = try await fixture.linkToken(for: "bob@example.com")
        let stranger = fixture.browser()
        let taken = try await stranger.post(
            "/api/v1/auth/invitation/accept", #"{"token":"\#(token)","name":"Eve","password":"correct horse battery"}"#)
        #expect(taken.status == .conflict && taken.body.contains("sign_in_first"))
        let eve = try await fixture.signedIn("eve@example.com")
        #expect(try await eve.post("/api/v1/auth/invitation/accept", #"{"token":"\#(token)"}"#).status == .conflict)
        #expect(try await bob.post("/api/v1/auth/invitation/accept", #"{"token":"\#(token)"}"#).status == .ok)
        let tenants = try await bob.get("/api/v1/auth/tenants")
        let identifiers = tenants.body.matches(of: /"id":"([0-9a-f-]{36})"/).map { String($0.1) }
        let current = try #require(try await bob.get("/api/v1/auth/session").body.firstMatch(of: /"tenant":\{"id":"([0-9a-f-]{36})"/)).1
        let other = try #require(identifiers.first { $0 != current })
        #expect(identifiers.count == 2)
        #expect(try await bob.post("/api/v1/auth/switch-tenant", #"{"tenant":"\#(UUID().text)"}"#).status == .notFound)
        let before = bob.cookieHeader
        #expect(try await bob.post("/api/v1/auth/switch-tenant", #"{"tenant":"\#(other)"}"#).status == .noContent)
        #expect(bob.cookieHeader != before)
        #expect(try await bob.get("/api/v1/auth/session").member("role") == "member")
        let question: HTTPFields = [.init("X-Audience")!: "campaigns", .init("X-Original-Method")!: "GET"]
        let identity = try #require(try await bob.get("/gateway/authenticate", question).headers[.init("X-Identity-Token")!])
        let payload = try #require(Data(base64URL: String(identity.split(separator: ".")[1])))
        #expect(String(decoding: payload, as: UTF8.self).contains(workspace))
    }

    @Test("an invitation ends after seven days, when it is taken back, and of two uses at once one counts")
    func invitationEnds() async throws {
        let fixture = try await AuthFixture.make(seats: nil)
        let owner = try await fixture.signedIn()
        func accept(_ email: String, _ token: String) async throws -> HTTPResponse.Status {
            try await fixture.browser().post(
                "/api/v1/auth/invitation/accept", #"{"token":"\#(token)","name":"Bob","password":"correct horse battery"}"#
            ).status
        }
        let made = try await invite(owner, "one@example.com")
        let identifier = try #require(made.member("id"))
        #expect(identifier == identifier.lowercased())
        #expect(try await owner.api(.get, "/api/v1/invitations").body.contains(#""id":"\#(identifier)""#))
        #expect(try await owner.api(.delete, "/api/v1/invitations/\(made.member("id") ?? "")").status == .noContent)
        #expect(try await accept("one@example.com", fixture.linkToken(for: "one@example.com")) == .unprocessableContent)
        #expect(try await owner.api(.get, "/api/v1/invitations").body.contains(#""data":[]"#))
        _ = try await invite(owner, "two@example.com")
        let token = try await fixture.linkToken(for: "two@example.com")
        let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
            for _ in 0..<4 { group.addTask { try await accept("two@example.com", token) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == .ok } == 1)
        _ = try await invite(owner, "three@example.com")
        let late = try await fixture.linkToken(for: "three@example.com")
        for _ in 0..<22 {
            fixture.house.clock.advance(by: .seconds(7.7 * 3_600))
            _ = try await owner.get("/api/v1/auth/session")
        }
        #expect(try await accept("three@example.com", late) == .unprocessableContent)
        // What has run out makes room for a new one.
        #expect(try await invite(owner, "three@example.com").status == .created)
    }

    @Test("seats are those of the plan, invitations included, also for many invitations at once")
    func seats() async throws {
        let fixture = try await AuthFixture.make(seats: 3)
        let owner = try await fixture.signedIn()
        let answers = try await withThrowingTaskGroup(of: Browser.Answer.self) { group in
            for number in 0..<6 { group.addTask { try await invite(owner, "seat\(number)@example.com") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count { $0.status == .created } == 2)
        #expect(answers.filter { $0.status != .created }.allSatisfy { $0.body.contains("no_seats") })
    }

    @Test("a changed role counts at once, admins do not touch owners, and owners only with the password of a moment ago")
    func roles() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let (admin, bob) = (try await joined(fixture, owner, "admin@example.com", role: "admin"), try await joined(fixture, owner, "bob@example.com"))
        let (ada, carl) = (try await user(owner), try await user(bob))
        #expect(try await admin.api(.patch, "/api/v1/users/\(ada)", #"{"role":"viewer"}"#).status == .forbidden)
        #expect(try await admin.api(.delete, "/api/v1/users/\(ada)").status == .forbidden)
        #expect(try await admin.api(.patch, "/api/v1/users/\(carl)", #"{"role":"owner"}"#).status == .forbidden)
        #expect(try await admin.api(.patch, "/api/v1/users/\(carl)", #"{"role":"viewer"}"#).status == .ok)
        #expect(try await bob.get("/api/v1/auth/session").status == .unauthorized)
        fixture.house.clock.advance(by: .seconds(901))
        #expect(try await owner.api(.patch, "/api/v1/users/\(carl)", #"{"role":"owner"}"#).body.contains("step_up_required"))
        #expect(try await owner.post("/api/v1/auth/step-up", #"{"password":"correct horse battery"}"#).status == .noContent)
        #expect(try await owner.api(.patch, "/api/v1/users/\(carl)", #"{"role":"owner"}"#).status == .ok)
        #expect(try await admin.api(.patch, "/api/v1/users/\(UUID().text)", #"{"role":"viewer"}"#).status == .notFound)
        #expect(try await admin.api(.patch, "/api/v1/users/\(carl)", #"{"role":"emperor"}"#).status == .badRequest)
    }

    @Test("the last owner cannot leave or be demoted; two who leave at once leave one behind")
    func lastOwner() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let ada = try await user(owner)
        #expect(try await owner.api(.delete, "/api/v1/users/\(ada)").body.contains("last_owner"))
        #expect(try await owner.api(.patch, "/api/v1/users/\(ada)", #"{"role":"admin"}"#).body.contains("last_owner"))
        let bob = try await joined(fixture, owner, "bob@example.com", role: "admin")
        let second = try await user(bob)
        #expect(try await owner.api(.patch, "/api/v1/users/\(second)", #"{"role":"owner"}"#).status == .ok)
        _ = try await bob.post("/api/v1/auth/sign-in", Browser.signInBody("bob@example.com"))
        async let first = owner.api(.delete, "/api/v1/users/\(ada)")
        async let other = bob.api(.delete, "/api/v1/users/\(second)")
        let statuses = [try await first.status, try await other.status]
        #expect(statuses.count { $0 == .noContent } == 1)
        let owners: Int = try await fixture.house.house.worker.query(
            "select count(*) as n from users.tenant_users where deleted is null and roles[1] = 'owner'")[0].decode("n")
        #expect(owners == 1)
    }

    @Test("ownership moves to one person, and the former owner is an admin")
    func transfer() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let bob = try await joined(fixture, owner, "bob@example.com", role: "viewer")
        let heir = try await user(bob)
        #expect(try await bob.api(.post, "/api/v1/tenants/current/transfer-ownership", #"{"user":"\#(heir)"}"#).status == .forbidden)
        #expect(try await owner.api(.post, "/api/v1/tenants/current/transfer-ownership", #"{"user":"\#(heir)"}"#).status == .noContent)
        #expect(try await owner.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await bob.post("/api/v1/auth/sign-in", Browser.signInBody("bob@example.com")).member("role") == "owner")
        #expect(try await owner.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).member("role") == "admin")
    }

    @Test("a removed member is out, and may be invited again")
    func removal() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let bob = try await joined(fixture, owner, "bob@example.com")
        let identifier = try await user(bob)
        #expect(try await owner.api(.delete, "/api/v1/users/\(identifier)").status == .noContent)
        #expect(try await bob.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await bob.post("/api/v1/auth/sign-in", Browser.signInBody("bob@example.com")).body.contains("no_access"))
        #expect(try await invite(owner, "bob@example.com").status == .created)
    }

    @Test(
        "who may change whom",
        arguments: [
            (Role.member, Role?.some(.admin), Role.admin, true), (.owner, .admin, .admin, false), (.admin, nil, .admin, true),
            (.owner, nil, .owner, true),
            (.viewer, .member, .member, false), (.member, .owner, .admin, false), (.member, .owner, .owner, true),
        ])
    func rules(target: Role, new: Role?, actor: Role, isAllowed: Bool) {
        #expect(MembershipRules.mayChange(target, to: new, by: actor) == isAllowed)
    }
}
