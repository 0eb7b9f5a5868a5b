import Contracts
import HTTP
import Hummingbird
import Postgres
import Primitives

/// What campaigns came to: figures, their course over time, and a file of them.
struct AnalyticsRoutes {
    let database: Database
    let clock: WallClock

    private var reader: AnalyticsReader { AnalyticsReader(database: database, clock: clock) }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/campaigns/analytics") { request, context in try await workspace(request, context) }
        router.get("/api/v1/campaigns/{id}/analytics") { request, context in
            let campaign = try await find(context)
            let range = try DayRange(request)
            let grouping = try Self.choice("group", of: request, default: AnalyticsGrouping.step)
            return try Response.json(
                try await reader.report(on: campaign, of: try context.requireIdentity().tenant, in: range, by: grouping))
        }
        router.get("/api/v1/campaigns/{id}/analytics/series") { request, context in try await series(request, context) }
        router.get("/api/v1/campaigns/{id}/analytics.csv") { request, context in
            let campaign = try await find(context)
            return AnalyticsFile(
                campaign: campaign.id, tenant: try context.requireIdentity().tenant, range: try DayRange(request), database: database
            ).response
        }
    }

    private func series(_ request: Request, _ context: AppContext) async throws -> Response {
        let campaign = try await find(context)
        let range = try DayRange(request)
        let interval = try Self.choice("interval", of: request, default: FigureSeries.Interval.day)
        let parameters = request.uri.queryParameters
        var step: Int?
        if let text = parameters["step"] {
            guard let number = Int(text), (1...9_999).contains(number) else {
                throw Problem.invalid("step must be the number of a step.", field: "step")
            }
            step = number
        }
        let variant = parameters["variant"].map(String.init)
        guard variant == nil || step != nil else {
            throw Problem.invalid("A variant is one of a step; name the step too.", field: "step")
        }
        return try Response.json(
            try await reader.series(
                of: campaign, tenant: try context.requireIdentity().tenant, in: range, by: interval, step: step, variant: variant))
    }

    private func workspace(_ request: Request, _ context: AppContext) async throws -> Response {
        guard let text = request.uri.queryParameters["workspace"], let workspace = WorkspaceID(text) else {
            throw Problem.invalid("workspace must name a workspace.", field: "workspace")
        }
        let identity = try context.require(atLeast: .viewer, in: workspace)
        let page = try PageRequest(request)
        return try Response.json(
            try await reader.workspace(
                workspace, of: identity.tenant, in: try DayRange(request), before: try page.after(CampaignID.self),
                limit: page.limit))
    }

    private func find(_ context: AppContext) async throws -> Campaign {
        try await CampaignFinder(database: database).find(context, atLeast: .viewer)
    }

    /// The value of a parameter that has some; a 400 problem names them.
    private static func choice<Value: RawRepresentable & CaseIterable>(
        _ name: Substring, of request: Request, default value: Value
    ) throws(Problem) -> Value where Value.RawValue == String {
        guard let text = request.uri.queryParameters[name] else { return value }
        guard let choice = Value(rawValue: String(text)) else {
            let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem.invalid("\(name) must be one of \(known).", field: String(name))
        }
        return choice
    }
}
