import Contracts
import Foundation

/// What is sent to whom and when, as its owner sees it.
struct Campaign: Sendable, Equatable {
    let id: CampaignID
    let workspace: WorkspaceID
    var content: CampaignContent
    /// Raised with each edit of the steps.
    var sequenceVersion: Int
    var status: CampaignStatus
    /// Raised with each change of status.
    var version: Int64
    var statusReason: String?
    /// Raised with each change of anything: the ETag.
    var revision: Int64
    /// Why nobody is mailed at the moment, and when the scheduler looks again.
    var waitingReason: String?
    var nextAt: Date?
    let createdAt: Date
    var launchedAt: Date?
    var completedAt: Date?
    var archivedAt: Date?
}

/// What people set stands beside the rest, so that what was read can be sent back as a change.
extension Campaign: Encodable {
    private enum CodingKeys: String, CodingKey {
        case id, workspace, sequenceVersion, status, version, statusReason, revision, waitingReason, nextAt, createdAt, launchedAt, completedAt
        case archivedAt
    }

    func encode(to encoder: any Encoder) throws {
        try content.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(workspace, forKey: .workspace)
        try container.encode(sequenceVersion, forKey: .sequenceVersion)
        try container.encode(status, forKey: .status)
        try container.encode(version, forKey: .version)
        try container.encodeIfPresent(statusReason, forKey: .statusReason)
        try container.encode(revision, forKey: .revision)
        try container.encodeIfPresent(waitingReason, forKey: .waitingReason)
        try container.encodeIfPresent(nextAt, forKey: .nextAt)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encodeIfPresent(launchedAt, forKey: .launchedAt)
        try container.encodeIfPresent(completedAt, forKey: .completedAt)
        try container.encodeIfPresent(archivedAt, forKey: .archivedAt)
    }
}

/// What people set about a campaign.
struct CampaignContent: Codable, Sendable, Equatable {
    var name: String
    var audience: Audience
    /// Whether people who come into the audience later are enrolled too.
    var enrolsLater: Bool
    var steps: [Step]
    /// In the order of the rotation.
    var mailboxes: [MailboxID]
    var schedule: CampaignSchedule
    var stopsOnReply: Bool
    /// Whether the next mail to somebody who is away waits for the day after the return, when that is known and within 60 days.
    var pauseUntilReturn = true
    var tracksOpens: Bool
    var tracksClicks: Bool
    /// Launching before then waits until then.
    var startsAt: Date?
}

/// draft → scheduled → active ⇄ paused → completed | archived.
enum CampaignStatus: String, Codable, Sendable, CaseIterable {
    case draft
    case scheduled
    case active
    case paused
    case completed
    case archived

    /// Whether a campaign may go from here to there.
    func mayBecome(_ next: CampaignStatus) -> Bool {
        switch (self, next) {
        case (.draft, .active), (.draft, .scheduled), (.scheduled, .active), (.scheduled, .draft), (.active, .paused), (.paused, .active),
            (.active, .completed), (.paused, .completed), (.draft, .archived), (.completed, .archived):
            true
        default: false
        }
    }

    /// Whether it was launched and is not over.
    var isRunning: Bool { self == .active || self == .paused }
    var isOver: Bool { self == .completed || self == .archived }
}
