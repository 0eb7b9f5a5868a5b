import Contracts
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Auth

@Suite("Deleting companies and workspaces")
struct DeletionTests {
    private static let day = Duration.seconds(86_400)
    private static let whole = ["gate", "cancel", "campaigns", "delivery", "billing", "audit", "erase"]

    // MARK: - What is next

    @Test("first sends stop, then one waits; after that the steps come in their order, and a company's subscription is a company's")
    func order() {
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        let due = start.addingTimeInterval(Deletion.grace)
        for isTenant in [true, false] {
            var acknowledged: [Deletion.Step: Date] = [:]
            var done: [Deletion.Step] = []
            func next(_ now: Date, isUndone: Bool = false) -> Deletion.Next {
                Deletion.next(ofTenant: isTenant, acknowledged: acknowledged, now: now, dueAt: due, isUndone: isUndone)
            }
            #expect(next(start) == .run(.stopSends))
            #expect(next(start, isUndone: true) == .run(.reopenSends))
            acknowledged[.stopSends] = start
            #expect(next(start) == .wait(until: due))
            #expect(next(due.addingTimeInterval(-1)) == .wait(until: due))
            // While the platform looks into a company, what it looks into does not vanish.
            #expect(
                Deletion.next(ofTenant: isTenant, acknowledged: acknowledged, now: due, dueAt: due, isUndone: false, isHeld: true)
                    == .wait(until: due.addingTimeInterval(Deletion.hold)))
            var now = due
            while true {
                switch next(now) {
                case .run(let step):
                    done.append(step)
                    acknowledged[step] = now
                    continue
                case .wait(let until):
                    #expect(done == [.closeAccess] && until == due.addingTimeInterval(Deletion.settling))
                    now = until
                    continue
                case .nothing: break
                }
                break
            }
            let company: [Deletion.Step] = [
                .closeAccess, .cancelSubscription, .purgeCampaigns, .purgeDelivery, .purgeBilling, .purgeAudit, .purgeAuth, .tombstone,
                .eraseTrail,
            ]
            let workspace: [Deletion.Step] = [.closeAccess, .purgeCampaigns, .purgeDelivery, .purgeAudit, .purgeAuth, .tombstone]
            #expect(done == (isTenant ? company : workspace))
            acknowledged[.reopenSends] = now
            #expect(next(now, isUndone: true) == .nothing)
        }
    }

    @Test("failures in a row wait longer, five minutes at most", arguments: [(1, 2.0), (2, 4), (5, 32), (8, 256), (9, 300), (1_000, 300)])
    func pauses(failures: Int, seconds: TimeInterval) {
        #expect(Deletion.pause(afterFailures: failures) == seconds)
    }

    // MARK: - Asking, and thinking again

    @Test("an owner who has just given the password types the name; the same again is the same deletion")
    func asking() async throws {
        let ground = try await DeletionGround.make()
        let wrong = try await ground.deleteCompany("penguins ltd")
        #expect(wrong.status == .unprocessableContent && wrong.body.contains("name_mismatch"))
        ground.fixture.house.clock.advance(by: .seconds(16 * 60))
        let stale = try await ground.deleteCompany()
        #expect(stale.status == .forbidden && stale.body.contains("step_up_required"))
        #expect(try await ground.ada.post("/api/v1/auth/step-up", #"{"password":"correct horse battery"}"#).status == .noContent)
        let asked = try await ground.deleteCompany()
        #expect(asked.status == .accepted && asked.member("state") == "pending", "\(asked.body)")
        let again = try await ground.deleteCompany()
        #expect(again.status == .accepted && again.member("id") == asked.member("id"))
        #expect(try await ground.fixture.events("auth.deletion.requested") == 1)
        #expect(try await ground.ada.api(.get, "/api/v1/deletions").body.contains("Penguins Ltd"))
        let admin = try await ground.fixture.house.identityHeader(tenant: ground.tenant, role: .admin)
        let id = try #require(asked.member("id"))
        let refused = try await ground.fixture.house.withClient(ground.fixture.service) { client in
            try await client.execute(uri: "/api/v1/deletions/\(id)/undo", method: .post, headers: admin) { $0.status }
        }
        #expect(refused == .forbidden)
    }

    @Test("sends stop at once; undone within 30 days they go on, and not before the platform lets them")
    func undoing() async throws {
        let ground = try await DeletionGround.make()
        let asked = try await ground.deleteCompany()
        try await ground.run("sends are stopped", tick: .zero) { try await ground.acknowledged(.stopSends) }
        #expect(ground.peers.gates.map(\.isOpen) == [false] && ground.peers.gates[0].scope == "tenant")
        ground.fixture.house.clock.advance(by: Self.day * 29)
        _ = try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
        let undone = try await ground.ada.api(.post, "/api/v1/deletions/\(try #require(asked.member("id")))/undo", "{}")
        #expect(undone.status == .ok && undone.member("state") == "undone", "\(undone.body)")
        try await ground.run("sends go on", tick: .zero) { try await ground.acknowledged(.reopenSends) }
        #expect(ground.peers.gates.map(\.isOpen) == [false, true] && ground.peers.gates[0].version < ground.peers.gates[1].version)
        #expect(try await ground.count("select count(*) as n from deletions where completed_at is null") == 0)
        #expect(ground.peers.order == ["gate"])

        // Once more, suspended meanwhile: the gate stays closed.
        let second = try await ground.deleteCompany()
        try await ground.database.query("update public.tenants set suspended_at = now(), suspension_version = suspension_version + 1")
        let header = try await ground.fixture.house.identityHeader(tenant: ground.tenant)
        let id = try #require(second.member("id"))
        let status = try await ground.fixture.house.withClient(ground.fixture.service) { client in
            try await client.execute(uri: "/api/v1/deletions/\(id)/undo", method: .post, headers: header) { $0.status }
        }
        #expect(status == .ok)
        try await ground.run("the gate was told", tick: .zero) { ground.peers.gates.count == 3 }
        #expect(ground.peers.gates.last?.isOpen == false)
    }

    // MARK: - The whole way

    @Test("after 30 days the steps run in order through failures and batches, and nothing of the company is left")
    func company() async throws {
        let ground = try await DeletionGround.make()
        let bob = try await ground.fixture.signedIn("bob@example.com")
        try await fill(ground)
        let worker = ground.database
        let person: UserID = try await worker.query("select id from users.users where email = 'ada@example.com'")[0].decode("id")
        let elsewhere: TenantID = try await worker.query("select id from public.tenants where id <> \(ground.tenant)")[0].decode("id")
        let eve: UUID = try await worker.query("select id from invitations")[0].decode("id")
        let other: UserID = try await worker.query("select id from users.users where email = 'bob@example.com'")[0].decode("id")
        // Ada was in Bob's company, and left it.
        try await worker.query(
            """
            insert into users.tenant_users (tenant_id, user_id, roles, email, created, updated, deleted)
            values (\(elsewhere), \(person), '{member}', 'ada@example.com', now(), now(), now())
            """)
        ground.peers.set(failures: ["campaigns": 2, "erase": 1], batches: ["delivery": 3, "erase": 1])
        #expect(try await ground.deleteCompany().status == .accepted)
        try await ground.run("sends are stopped", tick: .zero) { try await ground.acknowledged(.stopSends) }
        ground.fixture.house.clock.advance(by: Self.day * 30)
        try await ground.run("the company is gone") { try await ground.acknowledged(.eraseTrail) }
        #expect(ground.peers.order == Self.whole)
        #expect(ground.peers.calls.count { $0 == "campaigns" } == 3 && ground.peers.calls.count { $0 == "delivery" } == 4)

        // The trail forgets Ada wherever she was, and in the platform's own; of Bob, who works on, and of Eve only what the company's own holds.
        let traces = [
            "\(TenantID.zero) user \(person)", "\(ground.tenant) user \(person)", "\(elsewhere) user \(person)",
            "\(ground.tenant) user \(other)", "\(ground.tenant) invitation \(eve.text)",
        ]
        #expect(ground.peers.erased.sorted() == traces.sorted() && ground.peers.calls.count { $0 == "erase" } == 7)
        #expect(try await ground.count("select count(*) as n from trail_erasures") == 0)

        // What says that it was deleted stays, without its name.
        let left = try await ground.fixture.house.rows(of: ground.tenant)
        #expect(Set(left.keys) == ["deletions", "deletion_steps"], "\(left)")
        #expect(try await ground.count("select count(*) as n from deletions where name <> ''") == 0)
        let people = try await ground.database.query("select email, name, deleted is not null as gone from users.users order by created, id")
        let addresses = try people.map { try $0.decode("email", as: String.self) }
        #expect(!addresses.contains("ada@example.com") && addresses.contains("bob@example.com"))
        #expect(try await ground.count("select count(*) as n from credentials") == 1)
        #expect(try await ground.count("select count(*) as n from public.tenants where deleted is not null and name = ''") == 1)
        #expect(try await ground.ada.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).status == .unauthorized)
        #expect(try await bob.post("/api/v1/auth/sign-in", Browser.signInBody("bob@example.com")).status == .ok)
        #expect(try await ground.fixture.events("auth.deletion.completed") == 1)
    }

    /// A row in every table of companies, and Bob as a second member who has a company of his own.
    private func fill(_ ground: DeletionGround) async throws {
        let tenant = ground.tenant
        #expect(try await ground.ada.api(.post, "/api/v1/workspaces", #"{"name":"North"}"#).status == .created)
        #expect(try await ground.ada.api(.post, "/api/v1/invitations", #"{"email":"eve@example.com","role":"member"}"#).status == .created)
        let statements: [SQL] = [
            """
            insert into auth.api_keys (tenant_id, id, name, hint, digest, scopes, requests_per_minute, created_by, created_at)
            select \(tenant), gen_random_uuid(), 'k', 'h', 'd', '{}', 1, id, now() from users.users where email = 'ada@example.com'
            """,
            """
            insert into auth.support_sessions (tenant_id, id, staff_user_id, staff_name, reason, ticket, created_at, expires_at)
            select \(tenant), gen_random_uuid(), id, 'Bob', 'r', 't', now(), now() from users.users where email = 'bob@example.com'
            """,
            "insert into auth.feature_flags (tenant_id, name, is_enabled, updated_at) values (\(tenant), 'f', true, now())",
            """
            insert into auth.tenant_policies (tenant_id, session_idle_minutes, session_absolute_hours, password_minimum_length, updated_at)
            values (\(tenant), 480, 720, 8, now())
            """,
            """
            insert into users.tenant_users (tenant_id, user_id, roles, email, created, updated)
            select \(tenant), id, '{member}', email, now(), now() from users.users where email = 'bob@example.com'
            """,
        ]
        let owner = Database(ground.fixture.house.database.configuration(role: "postgres"), connections: 1)
        for statement in statements { try await owner.query(statement) }
        let rows = try await ground.fixture.house.rows(of: tenant)
        for table in [
            "workspaces", "invitations", "trail_invitations", "api_keys", "support_sessions", "feature_flags", "tenant_policies", "sessions",
            "tenant_users",
        ] {
            #expect(rows[table] ?? 0 > 0, "\(table)")
        }
    }

    @Test("whoever takes over after a crash goes on where it stopped, and asks for nothing that was acknowledged")
    func crash() async throws {
        let ground = try await DeletionGround.make()
        ground.peers.set(failures: ["delivery": 1_000])
        #expect(try await ground.deleteCompany().status == .accepted)
        try await ground.run("sends are stopped", tick: .zero) { try await ground.acknowledged(.stopSends) }
        ground.fixture.house.clock.advance(by: Self.day * 30)
        try await ground.run("it hangs at Delivery") { ground.peers.calls.contains("delivery") }
        let error = try await ground.database.query("select last_error from deletion_steps where step = 'purge_delivery'")
        #expect(try error.first?.decodeOptional("last_error", as: String.self)?.contains("not today") ?? true)
        #expect(ground.peers.order == ["gate", "cancel", "campaigns", "delivery"])
        #expect(try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).status == .forbidden)
        ground.peers.set()
        // Died in the middle of a step: its claim counts until the lease is over.
        let lease = ground.fixture.house.clock.clock.now.addingTimeInterval(120)
        try await ground.database.query("update deletions set next_attempt_at = \(lease)")
        try await ground.run("the company is gone") { try await ground.acknowledged(.eraseTrail) }
        #expect(ground.peers.order == Self.whole)
        for name in ["gate", "cancel", "campaigns", "billing", "audit"] { #expect(ground.peers.calls.count { $0 == name } == 1, "\(name)") }
    }

    @Test("a workspace goes alone; whoever was limited to it sees none")
    func workspace() async throws {
        let ground = try await DeletionGround.make()
        let north = try #require(try await ground.ada.api(.post, "/api/v1/workspaces", #"{"name":"North"}"#).member("id"))
        #expect(try await ground.ada.api(.post, "/api/v1/workspaces", #"{"name":"South"}"#).status == .created)
        let workspace = try #require(WorkspaceID(north))
        let invitation = #"{"email":"eve@example.com","role":"member","workspaces":["\#(north)"]}"#
        #expect(try await ground.ada.api(.post, "/api/v1/invitations", invitation).status == .created)
        try await ground.database.query("update users.tenant_users set workspaces = array[\(workspace)::uuid] where tenant_id = \(ground.tenant)")
        #expect(try await ground.ada.api(.delete, "/api/v1/workspaces/\(UUID().text)", #"{"name":"North"}"#).status == .notFound)
        #expect(try await ground.ada.api(.delete, "/api/v1/workspaces/\(north)", #"{"name":"South"}"#).body.contains("name_mismatch"))
        #expect(try await ground.ada.api(.delete, "/api/v1/workspaces/\(north)", #"{"name":"North"}"#).status == .accepted)
        try await ground.run("sends are stopped", tick: .zero) { try await ground.acknowledged(.stopSends) }
        #expect(ground.peers.gates.map(\.scope) == ["workspace"] && ground.peers.gates[0].id == north)
        ground.fixture.house.clock.advance(by: Self.day * 30)
        try await ground.run("the workspace is gone") { try await ground.acknowledged(.tombstone) }
        #expect(ground.peers.order == ["gate", "campaigns", "delivery", "audit"])
        #expect(try await ground.count("select count(*) as n from workspaces") == 1)
        #expect(try await ground.count("select count(*) as n from users.tenant_users where cardinality(workspaces) = 0") == 1)
        #expect(try await ground.count("select count(*) as n from invitations where cardinality(workspaces) = 0") == 1)
        _ = try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
        #expect(try await !ground.ada.api(.get, "/api/v1/workspaces").body.contains("South"))
    }
}
