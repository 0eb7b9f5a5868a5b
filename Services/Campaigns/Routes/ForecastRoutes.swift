import Contracts
import HTTP
import Hummingbird
import Postgres

/// What a campaign will send when.
struct ForecastRoutes {
    let finder: CampaignFinder
    let forecasts: Forecasts

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/campaigns/{id}/forecast") { _, context in
            let campaign = try await finder.find(context, atLeast: .viewer)
            do {
                return try Response.json(try await forecasts.forecast(campaign, of: try context.requireIdentity().tenant))
            } catch is AudienceError {
                throw Problem.unprocessable(
                    kind: "audience_gone", title: "The list or segment is gone or cannot be asked.", detail: "Choose another audience.")
            }
        }
    }
}
