import Contracts
import Foundation

enum TrailExportKind {}
typealias TrailExportID = EntityID<TrailExportKind>

/// A file of the trail that is written in the background.
struct TrailExport: Encodable, Sendable, Equatable {
    enum Status: String, Codable, Sendable {
        case queued
        case running
        /// There is a file, and a manifest that says what is in it.
        case ready
        case failed
        case cancelled
        /// The file's time is over.
        case expired
        /// It was sent as it was asked for; of the file only the manifest is kept.
        case sent

        var isOver: Bool { self != .queued && self != .running }
    }

    /// How far it is: of the entries that there were when it began, `done` were looked at.
    struct Progress: Encodable, Sendable, Equatable {
        let done: Int64
        let of: Int64
    }

    let id: TrailExportID
    let format: TrailExportFormat
    let filter: TrailExportFilter
    let status: Status
    let progress: Progress
    /// Written so far.
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
