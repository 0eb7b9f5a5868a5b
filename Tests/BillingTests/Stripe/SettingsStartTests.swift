import TestSupport
import Testing

@Suite("Billing's settings at start")
struct SettingsStartTests {
    @Test("A setting that does not fit ends the start with one line that names it, not with a crash")
    func refusal() async throws {
        let database = try await TestPostgres.shared.database()
        let billing = try ServiceProcess(.billing, on: database, settings: ["stripe.secret.key": "sk_test_1", "stripe.webhook.secret": "whsec_1"])
        try billing.start()
        try await eventually("Billing has given up") { billing.status != nil }
        #expect(billing.status == 1)
        #expect(billing.log.contains("stripe.connect.webhook.secret is missing: stripe.secret.key is set"))
    }

    @Test("Asked by --ready, it says by its status whether the process of its settings answers")
    func ready() async throws {
        let database = try await TestPostgres.shared.database()
        let redis = try await TestRedis.start()
        let billing = try ServiceProcess(.billing, on: database, redis: redis.configuration)
        #expect(try await billing.isReady() == false)
        try billing.start()
        try await eventually("Billing says that it is ready", within: .seconds(60)) { try await billing.isReady() }
        billing.kill()
        #expect(try await billing.isReady() == false)
    }
}
