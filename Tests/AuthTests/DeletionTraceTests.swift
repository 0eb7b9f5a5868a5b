import Contracts
import Foundation
import HTTPTypes
import Logging
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Auth

@Suite("Whom the trail forgets when a company goes")
struct DeletionTraceTests {
    private static let signIn = "/api/v1/auth/sign-in"

    /// Asks somebody to join; the invitation's identifier.
    private func invite(_ email: String, by owner: Browser, _ ground: DeletionGround) async throws -> String {
        // The newest mail is the invitation's.
        ground.fixture.house.clock.advance(by: .milliseconds(1))
        let made = try await owner.api(.post, "/api/v1/invitations", #"{"email":"\#(email)","role":"member"}"#)
        let id = try #require(made.member("id"), "\(made.body)")
        return try #require(UUID(text: id)).text
    }

    /// Asks somebody who has an account, who comes.
    private func join(_ email: String, _ guest: Browser, by owner: Browser, _ ground: DeletionGround) async throws -> String {
        let invitation = try await invite(email, by: owner, ground)
        let token = try await ground.fixture.linkToken(for: email)
        let accepted = try await guest.post("/api/v1/auth/invitation/accept", #"{"token":"\#(token)"}"#)
        #expect(accepted.status == .ok, "\(accepted.body)")
        return invitation
    }

    /// Lets so much time go by that nothing of the invitations made so far is kept but what a deletion needs.
    private func forgetInvitations(_ ground: DeletionGround) async throws {
        let clock = ground.fixture.house.clock
        clock.advance(by: .seconds(40 * 86_400))
        try await Retention(database: ground.database, clock: clock.clock, logger: Logger(label: "test")).sweep()
        #expect(try await ground.count("select count(*) as n from invitations") == 0)
    }

    @Test("whoever works on elsewhere is forgotten in the tree of the company that goes; everywhere else when the last one goes")
    func oneAfterAnother() async throws {
        let ground = try await DeletionGround.make()
        let bob = try await ground.fixture.signedIn("bob@example.com")
        let (first, second) = (ground.tenant, try await ground.company(of: "bob@example.com"))
        let (ada, owner) = (try await ground.person("ada@example.com"), try await ground.person("bob@example.com"))
        let invitation = try await join("ada@example.com", ground.ada, by: bob, ground)

        try await ground.end(first, by: ground.ada)
        #expect(ground.peers.erased == ["\(first) user \(ada)"])
        #expect(try await ground.count("select count(*) as n from users.users where email = 'ada@example.com' and deleted is null") == 1)

        #expect(try await bob.post(Self.signIn, Browser.signInBody("bob@example.com")).status == .ok)
        try await ground.end(second, by: bob)
        let later = [
            "\(second) user \(ada)", "\(second) invitation \(invitation)", "\(TenantID.zero) user \(ada)", "\(second) user \(owner)",
            "\(TenantID.zero) user \(owner)",
        ]
        #expect(ground.peers.erased.dropFirst().sorted() == later.sorted())
        #expect(try await ground.count("select count(*) as n from users.users where deleted is null") == 0)
    }

    @Test("whoever was taken out of a company is forgotten there as well, with every invitation by which they had come")
    func takenOut() async throws {
        let ground = try await DeletionGround.make()
        let bob = try await ground.fixture.signedIn("bob@example.com")
        let elsewhere = try await ground.company(of: "bob@example.com")
        let ada = try await ground.person("ada@example.com")
        var traces = ["\(TenantID.zero) user \(ada)", "\(ground.tenant) user \(ada)", "\(elsewhere) user \(ada)"]
        for _ in 0..<2 {
            let invitation = try await join("ada@example.com", ground.ada, by: bob, ground)
            traces.append("\(elsewhere) invitation \(invitation)")
            #expect(try await bob.api(.delete, "/api/v1/users/\(ada)").status == .noContent)
        }
        try await ground.end(ground.tenant, by: ground.ada)
        #expect(ground.peers.erased.sorted() == traces.sorted())
    }

    @Test("whoever was asked and never came is forgotten with the company, also when nothing else is left of the invitation")
    func neverCame() async throws {
        let ground = try await DeletionGround.make()
        let ada = try await ground.person("ada@example.com")
        var invitations = [
            try await invite("eve@example.com", by: ground.ada, ground), try await invite("carl@example.com", by: ground.ada, ground),
        ]
        #expect(try await ground.ada.api(.delete, "/api/v1/invitations/\(invitations[1])").status == .noContent)
        try await forgetInvitations(ground)
        #expect(try await ground.ada.post(Self.signIn, Browser.signInBody("ada@example.com")).status == .ok)
        invitations.append(try await invite("dan@example.com", by: ground.ada, ground))

        try await ground.end(ground.tenant, by: ground.ada)
        let people = ["\(TenantID.zero) user \(ada)", "\(ground.tenant) user \(ada)"]
        #expect(ground.peers.erased.sorted() == (people + invitations.map { "\(ground.tenant) invitation \($0)" }).sorted())
        #expect(try await ground.count("select count(*) as n from trail_invitations") == 0)
    }

    @Test("people who go are forgotten also where they were asked and never came, if the address is proven to be theirs")
    func askedElsewhere() async throws {
        let ground = try await DeletionGround.make()
        let bob = try await ground.fixture.signedIn("bob@example.com")
        let elsewhere = try await ground.company(of: "bob@example.com")
        // Ada has an account; when she goes, nothing of the invitation is left but whose it was.
        let first = try await invite("ada@example.com", by: bob, ground)
        try await forgetInvitations(ground)
        // Carol makes hers afterwards, by herself. Mallory signed up with an address that is somebody else's.
        #expect(try await bob.post(Self.signIn, Browser.signInBody("bob@example.com")).status == .ok)
        let second = try await invite("carol@example.com", by: bob, ground)
        ground.fixture.house.clock.advance(by: .milliseconds(1))
        let carol = try await ground.fixture.signedIn("carol@example.com")
        let mallory = ground.fixture.browser()
        _ = try await mallory.post("/api/v1/auth/sign-up", Browser.signUpBody("victim@example.com"))
        _ = try await invite("victim@example.com", by: bob, ground)

        var traces = ["\(elsewhere) invitation \(first)", "\(elsewhere) invitation \(second)"]
        for (email, browser) in [("carol@example.com", carol), ("ada@example.com", ground.ada), ("victim@example.com", mallory)] {
            let (person, company) = (try await ground.person(email), try await ground.company(of: email))
            traces += ["\(TenantID.zero) user \(person)", "\(company) user \(person)"]
            #expect(try await browser.post(Self.signIn, Browser.signInBody(email)).status == .ok)
            try await ground.end(company, by: browser)
        }
        #expect(ground.peers.erased.sorted() == traces.sorted())
    }
}
