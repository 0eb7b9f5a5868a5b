import Contracts
import Foundation
import Postgres

/// The SQL of tests of variants: what is known of each, and who has won.
enum TestStore {
    /// The tests of a campaign by step, those decided just now included.
    static func decide(
        _ sequence: CampaignSequence, of campaign: CampaignID, tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> [Int: TestState] {
        let tested = sequence.steps.filter { $0.email?.test != nil }
        guard !tested.isEmpty else { return [:] }
        var tests: [Int: TestState] = [:]
        let rows = try await transaction.query(
            """
            select step, opened_at, winner from step_tests
            where tenant_id = \(tenant) and campaign_id = \(campaign) and step = any(\(tested.map(\.number)))
            """)
        for row in rows {
            tests[try row.decode("step")] = TestState(openedAt: try row.decode("opened_at"), winner: try row.decodeOptional("winner"))
        }
        for step in tested {
            guard let email = step.email, let test = email.test, let state = tests[step.number],
                // A winner that was edited away is none.
                !email.variants.contains(where: { $0.name == state.winner }),
                now >= test.deadlines(openedAt: state.openedAt).first
            else { continue }
            let results = try await results(of: step.number, since: state.openedAt, metric: test.metric, campaign, tenant, in: transaction)
            guard let winner = test.winner(of: email.variants, results: results, openedAt: state.openedAt, now: now) else { continue }
            try await transaction.query(
                """
                update step_tests set winner = \(winner)
                where tenant_id = \(tenant) and campaign_id = \(campaign) and step = \(step.number)
                """)
            tests[step.number]?.winner = winner
        }
        return tests
    }

    /// Begins the tests of these steps anew.
    static func forget(_ steps: [Int], of campaign: CampaignID, tenant: TenantID, in transaction: Transaction) async throws {
        guard !steps.isEmpty else { return }
        try await transaction.query(
            "delete from step_tests where tenant_id = \(tenant) and campaign_id = \(campaign) and step = any(\(steps))")
    }

    private static func results(
        of step: Int, since start: Date, metric: VariantTest.Metric, _ campaign: CampaignID, _ tenant: TenantID, in transaction: Transaction
    ) async throws -> [String: (mails: Int64, successes: Int64)] {
        let column: SQL =
            switch metric {
            case .opened: "opened"
            case .clicked: "clicked"
            case .replied: "replied"
            }
        let rows = try await transaction.query(
            """
            select variant, sum(sent)::bigint as mails, sum(\(column))::bigint as successes from step_stats
            where tenant_id = \(tenant) and campaign_id = \(campaign) and step = \(step) and day >= (\(start) - interval '1 day')::date
            group by variant
            """)
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (try row.decode("variant"), (mails: try row.decode("mails"), successes: try row.decode("successes")))
            })
    }
}
