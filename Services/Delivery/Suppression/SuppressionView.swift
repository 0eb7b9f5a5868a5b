import Contracts
import Foundation
import Postgres

enum SuppressionEntryKind {}
typealias SuppressionID = EntityID<SuppressionEntryKind>

/// One entry of a company's list as its people see it.
struct SuppressionView: Codable, Sendable, Equatable {
    let id: SuppressionID
    /// `address`, `domain`, or `erased` for somebody who was forgotten.
    let kind: String
    /// A domain begins with its `@`; nil for somebody who was forgotten.
    let address: String?
    /// `tenant`, `workspace` or `campaign`.
    let scope: String
    let workspace: WorkspaceID?
    let campaign: CampaignID?
    let reason: SuppressionReason
    let source: String
    let note: String?
    let createdBy: String?
    let createdAt: Date
    let expiresAt: Date?

    static let columns: SQL = "x.id, x.address, x.workspace_id, x.campaign_id, x.reason, x.source, x.note, x.created_by, x.created_at, x.expires_at"

    init(row: Row) throws {
        id = try row.decode("id")
        address = try row.decodeOptional("address")
        kind = address.map { $0.hasPrefix("@") ? "domain" : "address" } ?? "erased"
        workspace = try row.decodeOptional("workspace_id")
        campaign = try row.decodeOptional("campaign_id")
        scope = campaign != nil ? "campaign" : workspace != nil ? "workspace" : "tenant"
        reason = try row.decode("reason")
        source = try row.decode("source")
        note = try row.decodeOptional("note")
        createdBy = try row.decodeOptional("created_by")
        createdAt = try row.decode("created_at")
        expiresAt = try row.decodeOptional("expires_at")
    }
}

/// What of a list is asked for.
struct SuppressionFilter: Sendable {
    var workspace: WorkspaceID?
    var reason: SuppressionReason?
    /// `address`, `domain` or `erased`.
    var kind: String?
    /// What would block this address: itself, its domain, or its digest.
    var address: String?
    /// Also entries that have ended and are not yet swept.
    var includesEnded = false
}

/// Whether one address is blocked, and by what.
struct SuppressionVerdict: Encodable, Sendable, Equatable {
    struct Block: Encodable, Sendable, Equatable {
        /// `platform`, `tenant`, `workspace` or `campaign`; of the platform's nothing more is told.
        let scope: String
        /// `address`, `domain` or `erased`.
        var kind: String?
        var reason: SuppressionReason?
        var workspace: WorkspaceID?
        var campaign: CampaignID?
        var expiresAt: Date?
    }

    let address: String
    let isBlocked: Bool
    let blocks: [Block]
}
