import Contracts
import Foundation
import HTTP

/// What the campaigns of a workspace came to, the newest first; the totals are those of the campaigns that are listed.
struct WorkspaceAnalytics: Encodable, Sendable {
    struct Entry: Encodable, Sendable, Equatable {
        let campaign: CampaignID
        let name: String
        let status: CampaignStatus
        let launchedAt: Date?
        let figures: MailFigures
    }

    let workspace: WorkspaceID
    let from: String?
    let to: String?
    let totals: MailFigures
    let data: [Entry]
    let page: Page<Entry>.Links

    /// `entries` may hold one more than `limit`.
    init(_ entries: [Entry], of workspace: WorkspaceID, in range: DayRange, limit: Int) {
        let shown = Page(entries, limit: limit) { $0.campaign }
        self.workspace = workspace
        from = range.from
        to = range.to
        totals = .sum(of: shown.data.map(\.figures))
        data = shown.data
        page = shown.page
    }
}
