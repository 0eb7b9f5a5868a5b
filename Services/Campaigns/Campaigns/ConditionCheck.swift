import Contracts
import Foundation
import HTTP
import Postgres

/// Looks at the conditions about leads before they are saved: one that nobody can ask would be false for everybody.
struct ConditionCheck: Sendable {
    let database: Database

    /// A 422 problem that names the step and the place in its filter.
    func check(_ steps: [Step], of tenant: TenantID, now: Date) async throws {
        let filters = steps.enumerated().compactMap { index, step -> (index: Int, filter: SegmentFilter)? in
            guard case .condition(let condition) = step.action, case .attribute(let filter) = condition.test else { return nil }
            return (index, filter)
        }
        guard !filters.isEmpty else { return }
        let fields = try await database.transaction(as: tenant) { try await SegmentStore.fields(of: tenant, in: $0) }
        for entry in filters {
            do throws(SegmentFilter.Invalid) {
                _ = try SegmentCompiler(fields: fields, now: now).condition(entry.filter)
            } catch {
                let path = "steps.\(entry.index).condition.filter" + (error.path.isEmpty ? "" : ".\(error.path)")
                throw HTTP.Problem.unprocessable(
                    kind: "campaign_invalid", title: "The campaign cannot be like this.", detail: error.detail,
                    extensions: ["faults": .list([.object(["path": .text(path), "detail": .text(error.detail)])])])
            }
        }
    }
}
