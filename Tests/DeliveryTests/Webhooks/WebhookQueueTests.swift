import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import ServiceRuntime
import TestSupport
import Testing

@testable import Delivery

@Suite("Webhooks that wait")
struct WebhookQueueTests {
    private func success(_ ground: WebhookGround) -> WebhookAttempt {
        WebhookAttempt(at: ground.now, durationMs: 1, status: 200, error: nil, answer: nil)
    }

    @Test("whoever dies with a delivery in hand is followed after the lease, and comes too late to say anything")
    func lease() async throws {
        let ground = try await WebhookGround.make()
        _ = try await ground.create("http://127.0.0.1:1/hook")
        try await ground.publish(2)
        let first = try await ground.courier.claim(room: 10)
        #expect(first.count == 2)
        ground.house.clock.advance(by: .seconds(59))
        #expect(try await ground.courier.claim(room: 10).isEmpty)
        ground.house.clock.advance(by: .seconds(2))
        let second = try await ground.courier.claim(room: 10)
        #expect(Set(second.map(\.message)) == Set(first.map(\.message)) && Set(second.map(\.claim)).isDisjoint(with: first.map(\.claim)))
        let queue = ground.courier.queue
        for order in first {
            #expect(try await queue.finish(order, success(ground), spread: 0, now: ground.now) { _, _ in } == nil)
        }
        #expect(try await ground.states() == ["running": 2])
        for order in second {
            #expect(try await queue.finish(order, success(ground), spread: 0, now: ground.now) { _, _ in } == .delivered)
        }
        #expect(try await ground.states() == ["delivered": 2])
        #expect(try await ground.database.query("select number from webhook_attempts").count == 2)
    }

    @Test("many that look at once never get the same delivery, nor one endpoint more than four")
    func replicas() async throws {
        let ground = try await WebhookGround.make()
        for number in 0..<3 { _ = try await ground.create("http://127.0.0.1:1/\(number)") }
        try await ground.publish(10)
        let queue = ground.courier.queue
        let now = ground.now
        var all: [WebhookOrder] = []
        while true {
            let orders = try await withThrowingTaskGroup(of: [WebhookOrder].self) { group in
                for _ in 0..<4 { group.addTask { try await queue.claim(room: 100, now: now) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            if orders.isEmpty { break }
            #expect(Dictionary(grouping: orders, by: \.endpoint).values.allSatisfy { $0.count <= 4 })
            all += orders
            for order in orders { try await queue.finish(order, success(ground), spread: 0, now: now) { _, _ in } }
        }
        #expect(all.count == 30 && Set(all.map { "\($0.endpoint) \($0.message)" }).count == 30)
        #expect(try await ground.states() == ["delivered": 30])
    }

    @Test("one endpoint with very many that wait takes its share and delays nobody; a company has its sixteen")
    func fairness() async throws {
        let ground = try await WebhookGround.make()
        let neighbour = ground.other
        var endpoints: [WebhookID] = []
        for number in 0..<6 { endpoints.append(try await ground.create("http://127.0.0.1:1/\(number)").id) }
        _ = try await neighbour.create("http://127.0.0.1:1/neighbour")
        try await ground.publish(1)
        try await ground.database.query(
            """
            insert into webhook_deliveries (tenant_id, message_id, endpoint_id, type, next_at, created_at)
            select d.tenant_id, gen_random_uuid(), d.endpoint_id, d.type, d.next_at - interval '1 hour', d.created_at
            from webhook_deliveries d, generate_series(1, 2000)
            """)
        try await ground.database.query(
            """
            insert into webhook_messages (tenant_id, id, type, source_key, body, created_at)
            select tenant_id, message_id, type, message_id::text, '{}', created_at from webhook_deliveries on conflict do nothing
            """)
        try await neighbour.publish(1)
        let first = try await ground.courier.claim(room: 1_000)
        #expect(first.filter { $0.tenant == neighbour.tenant }.count == 1)
        let own = Dictionary(grouping: first.filter { $0.tenant == ground.tenant }, by: \.endpoint)
        #expect(own.count == 4 && own.values.allSatisfy { $0.count == 4 })
        // Nobody is forgotten: the two that found no room come next, before the four that have had theirs.
        let queue = ground.courier.queue
        ground.house.clock.advance(by: .seconds(1))
        #expect(try await ground.courier.claim(room: 1_000).isEmpty)
        for order in first { try await queue.finish(order, success(ground), spread: 0, now: ground.now) { _, _ in } }
        let second = Set(try await ground.courier.claim(room: 1_000).map(\.endpoint))
        #expect(second.isSuperset(of: Set(endpoints).subtracting(own.keys)))
    }

    @Test("an endpoint that fails has one request at a time until one succeeds")
    func failing() async throws {
        let ground = try await WebhookGround.make()
        _ = try await ground.create("http://127.0.0.1:1/hook")
        try await ground.publish(10)
        let queue = ground.courier.queue
        let first = try await ground.courier.claim(room: 100)
        #expect(first.count == 4)
        let failure = WebhookAttempt(at: ground.now, durationMs: 1, status: nil, error: "e", answer: nil)
        for order in first { try await queue.finish(order, failure, spread: 0, now: ground.now) { _, _ in } }
        let second = try await ground.courier.claim(room: 100)
        #expect(second.count == 1)
        #expect(try await ground.courier.claim(room: 100).isEmpty)
        try await queue.finish(second[0], success(ground), spread: 0, now: ground.now) { _, _ in }
        #expect(try await ground.courier.claim(room: 100).count == 4)
    }

    @Test("what comes while somebody looks is not overlooked")
    func noLostCalls() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            _ = try await ground.create("\(server)/hook")
            try await ground.house.withBackground([ground.courier]) {
                try await withThrowingDiscardingTaskGroup { group in
                    for _ in 0..<4 { group.addTask { for _ in 0..<25 { try await ground.publish(1) } } }
                }
                try await eventually("all are delivered") { try await ground.states() == ["delivered": 100] }
            }
            #expect(double.calls.count == 100)
        }
    }

    @Test("for a company without endpoints nothing is kept")
    func nobody() async throws {
        let ground = try await WebhookGround.make()
        try await ground.hear(DeliveryEvents.MailboxConnected(mailbox: MailboxID(UUID())))
        try await ground.publish(1)
        #expect(try await ground.house.rows(of: ground.tenant) == [:])
    }

    @Test("messages are kept for thirty days with all that is known of them, and what a deleted endpoint leaves goes too")
    func retention() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, _) = try await ground.create("\(server)/hook")
            let (other, _) = try await ground.create("\(server)/other")
            try await ground.publish(3)
            try await ground.work()
            ground.house.clock.advance(by: .seconds(29 * 86_400))
            try await ground.publish(2)
            try await ground.work()
            let retention = ground.service.webhooks.retention
            try await retention.prune()
            #expect(try await ground.states() == ["delivered": 10])
            ground.house.clock.advance(by: .seconds(2 * 86_400))
            try await retention.prune()
            let kept = try await ground.house.rows(of: ground.tenant)
            #expect(kept["webhook_messages"] == 2 && kept["webhook_deliveries"] == 4 && kept["webhook_attempts"] == 4)
            #expect(try await ground.ask(.delete, "/\(other)").status == 204)
            try await retention.prune()
            let left = try await ground.house.rows(of: ground.tenant)
            #expect(left["webhook_endpoints"] == 1 && left["webhook_deliveries"] == 2 && left["webhook_attempts"] == 2)
            #expect(try await ground.ask(.get, "/\(id)").status == 200)
        }
    }

    @Test("purged, nothing is left of a company, and of a workspace nothing that happened in it or was told of it alone")
    func purge() async throws {
        let ground = try await WebhookGround.make()
        let stranger = ground.other
        let rpc = RPCClient.local(ground.house.router(ground.service), caller: .auth)
        for company in [ground, stranger] {
            _ = try await company.create("http://127.0.0.1:1/all")
            _ = try await company.create("http://127.0.0.1:1/here", workspace: company.workspace)
            try await company.publish([company.fact("a", in: company.workspace), company.fact("b")])
            #expect(try await company.work() == 3)
        }
        let kept = try await ground.house.rows(of: stranger.tenant)
        #expect(kept["webhook_endpoints"] == 2 && kept["webhook_messages"] == 2 && kept["webhook_deliveries"] == 3 && kept["webhook_attempts"] == 3)
        for _ in 0..<20 {
            if try await rpc.call(DeliveryRPC.Purge(tenant: ground.tenant, workspace: ground.workspace)).isDone { break }
        }
        let left = try await ground.house.rows(of: ground.tenant)
        #expect(left["webhook_endpoints"] == 1 && left["webhook_messages"] == 1 && left["webhook_deliveries"] == 1 && left["webhook_attempts"] == 1)
        for _ in 0..<20 {
            if try await rpc.call(DeliveryRPC.Purge(tenant: ground.tenant, workspace: nil)).isDone { break }
        }
        #expect(try await ground.house.rows(of: ground.tenant) == [:])
        #expect(try await ground.house.rows(of: stranger.tenant) == kept)
    }

    @Test("the public status hears when what is due does not go out, and not when somebody's server is down")
    func health() async throws {
        let ground = try await WebhookGround.make()
        _ = try await ground.create("http://127.0.0.1:1/hook")
        #expect(await ground.service.parts()["webhooks"] == .good)
        try await ground.publish(10)
        #expect(await ground.service.parts()["webhooks"] == .good)
        try await ground.work()
        ground.house.clock.advance(by: .seconds(30))
        #expect(await ground.service.parts()["webhooks"] == .good)
        ground.house.clock.advance(by: .seconds(200))
        #expect(await ground.service.parts()["webhooks"] == .impaired)
        ground.house.clock.advance(by: .seconds(400))
        #expect(await ground.service.parts()["webhooks"] == .bad)
        try await ground.work()
        #expect(await ground.service.parts()["webhooks"] == .good)
    }
}
