import Contracts
import Foundation
import Primitives

/// What a file of the trail holds, as a text to be signed: whoever has the public key checks later, without us, that nothing is missing or added, and that it is
/// what the tree of this root holds.
struct ExportManifest: Sendable {
    let tenant: TenantID
    let export: TrailExportID
    let format: TrailExportFormat
    let filter: TrailExportFilter
    let count: Int64
    let firstSeq: Int64?
    let lastSeq: Int64?
    /// How many entries the tree had when the export began.
    let through: Int64
    /// Of that tree.
    let root: Data
    /// Of every byte before the manifest.
    let digest: Data
    let createdAt: Date

    /// One fact a line, each ended.
    var text: String {
        get throws {
            let filter = String(decoding: try WireJSON.encoder().encode(filter), as: UTF8.self)
            return """
                penguinmails audit export v2
                tenant \(tenant)
                export \(export)
                format \(format.rawValue)
                count \(count)
                first_seq \(firstSeq.map { "\($0)" } ?? "-")
                last_seq \(lastSeq.map { "\($0)" } ?? "-")
                through \(through)
                root \(root.base64EncodedString())
                sha256 \(digest.hexadecimal)
                filter \(filter)
                created \(WireJSON.format(createdAt))

                """
        }
    }

    /// The line that ends a file of lines of JSON.
    static func line(_ note: String) throws -> String {
        String(decoding: try WireJSON.encoder().encode(["manifest": note]), as: UTF8.self) + "\n"
    }
}
