import Contracts
import Foundation
import HTTPTypes
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Campaigns

@Suite("Asking for the erasure of a lead")
struct ErasureRequestTests {
    @Test("the lead leaves every campaign at once; asked for again it is the same erasure, and the trail knows identifiers only")
    func asking() async throws {
        let ground = try await ErasureGround.make()
        let asked = try await ground.ask()
        #expect(asked.status == 202 && asked.member("state") == "running" && asked.member("lead") == ground.ada.description, "\(asked.body)")
        #expect(asked.member("steps", "stopped_at") != nil && asked.member("steps", "delivery_at") == nil)
        let ended: SQL = """
            select count(*) as n from enrolments
            where lead_id = \(ground.ada) and (status = 'removed' and exit_reason = 'erased' or status = 'finished')
            """
        #expect(try await ground.number(ended) == 2)
        let stayed: SQL = "select count(*) as n from enrolments where lead_id = \(ground.bo) and status in ('waiting', 'finished')"
        #expect(try await ground.number(stayed) == 2)
        #expect(try await ground.number("select sum(waiting * 10 + removed)::bigint as n from campaign_counters") == 11)
        let again = try await ground.ask("{}")
        #expect(again.status == 202 && again.member("id") == asked.member("id"))
        let told = try await ground.audited("lead.erase")
        #expect(told.count == 1 && told[0].contains(ground.ada.description))
        for words in [ErasureGround.address, "Ada", "she asked"] { #expect(!told[0].contains(words)) }
        // Sealed, it stands nowhere readable in the erasure's row.
        #expect(try await !ground.house.tables(holding: ErasureGround.address).contains("erasures"))
        #expect(try await ground.number("select count(*) as n from leads where id = \(ground.ada) and status = 'suppressed'") == 1)
    }

    @Test("an idempotency key replays the answer; owners and admins see it in the list and by itself, page by page")
    func reading() async throws {
        let ground = try await ErasureGround.make()
        let path = "/api/v1/leads/\(ground.ada)/erase"
        let first = try await ground.send(.post, path, "{}", role: .admin, key: "k")
        let replayed = try await ground.send(.post, path, "{}", role: .admin, key: "k")
        #expect(first.status == 202 && replayed.status == 202 && replayed.body == first.body)
        #expect(try await ground.send(.post, path, #"{"ticket":"T"}"#, role: .admin, key: "k").status == 422)
        // Identifiers of two milliseconds are in order whatever else makes some.
        ground.house.clock.advance(by: .milliseconds(5))
        let second = try await ground.send(.post, "/api/v1/leads/\(ground.bo)/erase", "{}")
        let id = try #require(first.member("id"))
        let found = try await ground.send(.get, "/api/v1/leads/erasures/\(id)", role: .admin)
        #expect(found.status == 200 && found.member("lead") == ground.ada.description)
        let other = try #require(second.member("id"))
        let newest = try await ground.send(.get, "/api/v1/leads/erasures?limit=1")
        #expect(newest.body.contains(other) && !newest.body.contains(id))
        let cursor = try #require(newest.member("page", "next"))
        let oldest = try await ground.send(.get, "/api/v1/leads/erasures?limit=1&cursor=\(cursor)")
        #expect(oldest.body.contains(id) && oldest.body.contains(#""next":null"#))
        for path in ["/api/v1/leads/erasures", "/api/v1/leads/erasures/\(id)"] {
            #expect(try await ground.send(.get, path, role: .member).status == 403)
            #expect(try await !ground.send(.get, path, tenant: TenantID(UUID())).body.contains(id))
        }
        #expect(try await ground.send(.get, "/api/v1/leads/erasures/\(ground.ada)").status == 404)
    }

    @Test("members, people of some workspaces, other companies and leads that are none are refused, and nothing happens")
    func refusals() async throws {
        let ground = try await ErasureGround.make()
        let path = "/api/v1/leads/\(ground.ada)/erase"
        #expect(try await ground.send(.post, path, "{}", role: .member).status == 403)
        #expect(try await ground.send(.post, path, "{}", role: .admin, workspaces: [ground.workspace]).status == 403)
        #expect(try await ground.send(.post, path, "{}", tenant: TenantID(UUID())).status == 404)
        #expect(try await ground.send(.post, "/api/v1/leads/\(LeadID(UUID()))/erase", "{}").status == 404)
        let long = String(repeating: "x", count: 501)
        for (body, field) in [(#"{"reason":"\#(long)"}"#, "reason"), (#"{"ticket":"she asked"}"#, "ticket"), (#"{"ticket":"a@b"}"#, "ticket")] {
            let refused = try await ground.send(.post, path, body)
            #expect(refused.status == 400 && refused.member("field") == field, "\(refused.body)")
        }
        #expect(try await ground.number("select count(*) as n from erasures") == 0)
        #expect(try await ground.number("select count(*) as n from enrolments where status = 'removed'") == 0)
    }

    @Test(
        "Delivery hears whether the person had asked not to be written to, although the lead counts as suppressed meanwhile",
        arguments: [
            (LeadStatus.active, false), (.bounced, false), (.unsubscribed, true), (.complained, true), (.suppressed, true),
        ])
    func optOuts(status: LeadStatus, isOptedOut: Bool) async throws {
        let ground = try await ErasureGround.make(status: status)
        try await ground.ask()
        try await ground.finish(with: ground.service.erasure)
        let asked = ground.peers.state.withLock { $0.recipients }
        #expect(asked.count == 2)
        for request in asked {
            #expect(request.tenant == ground.tenant && request.address == ErasureGround.address && request.isOptedOut == isOptedOut)
        }
        let subjects = ground.peers.state.withLock { $0.subjects }
        #expect(subjects.count == 1)
        for request in subjects {
            #expect(request.tenant == ground.tenant && request.type == "lead" && request.id == ground.ada.description)
        }
    }
}

@Suite("The erasure of a lead, as a saga")
struct ErasureSagaTests {
    @Test("step follows step, and failures in a row wait longer, five minutes at most")
    func decisions() {
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        var steps = Erasure.Steps(stoppedAt: start)
        #expect(steps.next == .delivery)
        steps.deliveryAt = start
        #expect(steps.next == .audit)
        steps.auditAt = start
        #expect(steps.next == .campaigns)
        steps.campaignsAt = start
        #expect(steps.next == nil)
        let settled = start.addingTimeInterval(Erasure.settling)
        #expect(Erasure.askAgain(.delivery, at: start, stoppedAt: start) == settled)
        #expect(Erasure.askAgain(.delivery, at: settled, stoppedAt: start) == nil)
        #expect(Erasure.askAgain(.audit, at: start, stoppedAt: start) == nil)
        #expect([1, 2, 8, 9, 1_000].map(Erasure.pause) == [2, 4, 256, 300, 300])
    }

    @Test("it ends when everybody has acknowledged, whoever loses answers or has more to do, and how often", arguments: Array(UInt64(0)..<8))
    func lostAnswers(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let ground = try await ErasureGround.make()
        // A client asks four times by itself: beyond that the saga has to.
        let plan = ["delivery", "audit"].map { ($0, lost: Int.random(in: 0...9, using: &random), unfinished: Int.random(in: 0...4, using: &random)) }
        ground.peers.state.withLock { state in
            for (peer, lost, unfinished) in plan {
                state.lost[peer] = lost
                state.unfinished[peer] = unfinished
            }
        }
        try await ground.ask()
        try await ground.finish(with: ground.service.erasure)
        try await ground.checkFinished()
        for (peer, lost, unfinished) in plan { #expect(ground.peers.calls.count { $0 == peer } > lost + unfinished, "\(plan)") }
        let found = try await ground.ask("{}")
        #expect(found.status == 202 && found.member("state") == "finished" && found.member("ticket") == "T-1", "\(found.body)")
        #expect(found.member("steps", "campaigns_at") == found.member("finished_at") && found.member("reason") == nil)
    }

    @Test(
        "a process that dies before a step, or after its effect, leaves it to the next one, which goes on where it stopped",
        arguments: Erasure.Step.allCases, [true, false])
    func crash(step: Erasure.Step, isAfterEffect: Bool) async throws {
        let ground = try await ErasureGround.make()
        try await ground.ask()
        let first = try await ground.loop()
        // Until the step is the next one.
        for _ in 0..<100 {
            let row = try await ground.database.query("select stopped_at, delivery_at, audit_at, campaigns_at from erasures")[0]
            if try ErasureStore.steps(row).next == step { break }
            try await first.advance()
            ground.house.clock.advance(by: .seconds(5))
        }
        let claim = try #require(
            try await ErasureSagaStore.claim(at: ground.house.clock.clock.now, lease: 120, in: ground.database), "nothing is due")
        #expect(claim.step == step)
        if isAfterEffect {
            switch step {
            case .delivery:
                let request = DeliveryRPC.EraseRecipient(tenant: ground.tenant, address: ErasureGround.address, isOptedOut: false)
                _ = try await ground.house.house.peer(.delivery).call(request)
            case .audit:
                _ = try await ground.house.house.peer(.audit).call(
                    AuditRPC.EraseSubject(tenant: ground.tenant, type: "lead", id: ground.ada.description))
            case .campaigns:
                let eraser = LeadEraser(lead: ground.ada, address: ErasureGround.address, tenant: ground.tenant)
                let now = ground.house.clock.clock.now
                _ = try await ground.database.transaction { try await eraser.eraseTraces(at: now, in: $0) }
            }
        }
        // Nobody else touches it while its doer may be alive.
        let second = try await ground.loop()
        #expect(try await !second.advance())
        try await ground.finish(with: second)
        try await ground.checkFinished()
        // The dead one comes back and says its word late: nothing changes.
        try await ErasureSagaStore.acknowledge(step, of: claim, at: ground.house.clock.clock.now, in: ground.database)
        try await ErasureSagaStore.failed(claim, error: "late", until: ground.house.clock.clock.now, in: ground.database)
        try await ground.checkFinished()
    }

    @Test("several processes at once end it once")
    func replicas() async throws {
        let ground = try await ErasureGround.make()
        ground.peers.state.withLock { $0.unfinished = ["delivery": 3, "audit": 3] }
        try await ground.ask()
        var loops: [ErasureLoop] = []
        for _ in 0..<4 {
            var loop = try await ground.loop()
            loop.interval = .milliseconds(5)
            loops.append(loop)
        }
        try await ground.house.withBackground(loops) {
            try await eventually("it is finished") {
                if try await ground.number("select count(*) as n from erasures where finished_at is null") == 0 { return true }
                ground.house.clock.advance(by: .seconds(2))
                return false
            }
        }
        try await ground.checkFinished()
    }

    @Test("Delivery is asked once more when mail that was being handed over must have come, before its word counts")
    func settling() async throws {
        let ground = try await ErasureGround.make()
        try await ground.ask()
        let loop = ground.service.erasure
        while try await loop.advance() {}
        #expect(ground.peers.calls == ["delivery"])
        ground.house.clock.advance(by: .seconds(Erasure.settling - 1))
        while try await loop.advance() {}
        #expect(ground.peers.calls == ["delivery"])
        ground.house.clock.advance(by: .seconds(2))
        while try await loop.advance() {}
        #expect(ground.peers.calls == ["delivery", "delivery", "audit"])
        try await ground.checkFinished()
    }

    @Test("a peer that refuses is shown with its word and asked again later; the lead stays until it has acknowledged")
    func refusal() async throws {
        let ground = try await ErasureGround.make(status: .unsubscribed)
        ground.peers.state.withLock { $0.refusal = "not_ready_yet" }
        let id = try #require(try await ground.ask().member("id"))
        let loop = ground.service.erasure
        for attempt in 1...3 {
            while try await loop.advance() {}
            let shown = try await ground.send(.get, "/api/v1/leads/erasures/\(id)")
            #expect(shown.number("attempts") == attempt && shown.member("failure")?.contains("not_ready_yet") == true, "\(shown.body)")
            ground.house.clock.advance(by: .seconds(Erasure.pause(afterFailures: attempt) + 1))
        }
        #expect(try await ground.number("select count(*) as n from leads where id = \(ground.ada) and status = 'unsubscribed'") == 1)
        ground.peers.state.withLock { $0.refusal = nil }
        try await ground.finish(with: loop)
        try await ground.checkFinished()
    }

    @Test("a lead that somebody deletes or enrols again meanwhile is forgotten all the same", arguments: [true, false])
    func meanwhile(isDeleted: Bool) async throws {
        let ground = try await ErasureGround.make()
        try await ground.ask()
        ground.peers.state.withLock { $0.look = nil }
        if isDeleted {
            try await ground.database.query("delete from leads where id = \(ground.ada)")
            try await ground.database.query("update lead_counts set leads = leads - 1")
        } else {
            try await ground.database.query(
                """
                update enrolments set status = 'waiting', exit_reason = null, finished_at = null
                where lead_id = \(ground.ada) and status = 'removed'
                """)
            try await ground.database.query("update campaign_counters set waiting = waiting + removed, removed = 0")
        }
        try await ground.finish(with: ground.service.erasure)
        try await ground.checkFinished()
        #expect(try await ground.number("select count(*) as n from enrolments where lead_id = \(ground.ada) and status = 'waiting'") == 0)
    }

    @Test("files that name the person end, wherever their parts are cut, and others are kept")
    func exports() async throws {
        let ground = try await ErasureGround.make()
        let (now, tenant) = (ground.house.clock.clock.now, ground.tenant)
        let files = [["email\nada@le", "ad.example\n"], ["email\nbo@lead.example\n"], ["email\nada@lead.example\n"]]
        for (number, parts) in files.enumerated() {
            let export = UUID.v7(at: now)
            try await ground.database.query(
                """
                insert into lead_exports (tenant_id, id, workspace_id, format, filter, fields, status, rows, parts, created_by, created_at, worked_at,
                    finished_at, expires_at)
                values (\(tenant), \(export), \(ground.workspace), 'csv', '{}', '{}', 'completed', \(number), \(parts.count), 'user:x', \(now),
                    \(now), \(now), \(now.addingTimeInterval(86_400)))
                """)
            for (part, text) in parts.enumerated() {
                try await ground.database.query(
                    """
                    insert into lead_export_parts (tenant_id, export_id, part, workspace_id, content)
                    values (\(tenant), \(export), \(part), \(ground.workspace), \(Data(text.utf8)))
                    """)
            }
        }
        try await ground.ask()
        try await ground.finish(with: ground.service.erasure)
        let ended: SQL = "select count(*) as n from lead_exports where status = 'cancelled' and rows in (0, 2) and parts = 0"
        #expect(try await ground.number(ended) == 2)
        #expect(try await ground.number("select count(*) as n from lead_exports where status = 'completed' and rows = 1") == 1)
        #expect(try await ground.number("select count(*) as n from lead_export_parts") == 1)
    }
}
