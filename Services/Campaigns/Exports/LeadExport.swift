import Contracts
import Foundation

enum LeadExportSubject {}
typealias LeadExportID = EntityID<LeadExportSubject>

/// A file of leads that is written in the background.
struct LeadExport: Encodable, Sendable, Equatable {
    enum Status: String, Codable, Sendable {
        case queued
        case running
        case completed
        case failed
        case cancelled

        var isOver: Bool { self != .queued && self != .running }
    }

    let id: LeadExportID
    let workspace: WorkspaceID
    let format: LeadExportFormat
    let filter: LeadFilter
    let status: Status
    /// So far.
    let rows: Int64
    let bytes: Int64
    let parts: Int
    let failure: String?
    /// `user:<id>` or `api_key:<id>`.
    let createdBy: String
    let createdAt: Date
    let finishedAt: Date?
    /// The file is gone then.
    let expiresAt: Date
}
