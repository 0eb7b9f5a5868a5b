import Contracts
import Foundation
import HTTP
import Logging
import NIOCore
import Postgres
import Primitives
import RPC
import Streams

/// Takes a file of leads in as it arrives: batch by batch, in constant memory, no row fatal.
struct Importer: Sendable {
    struct Request: Sendable {
        /// Chosen by the caller, who can then watch and cancel the import while it uploads.
        var id: ImportID?
        let workspace: WorkspaceID
        let fileName: String
        let duplicates: Duplicates
        var list: ListID?
        var tags: [String] = []
        /// As ``ColumnMapping/apply(_:fields:)`` takes it; nil is guessed.
        var mapping: String?
        /// Whether the sender said that tabs divide the fields.
        var isTabbed = false
        /// Nil is found out.
        var encoding: FileEncoding?
    }

    typealias Audit = @Sendable (_ action: String, AuditRecord.Target) -> AuditRecord

    /// However large the pieces are in which the body comes, no more is parsed at once.
    static let piece = 256 << 10

    let database: Database
    let billing: RPCClient
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock
    let logger: Logger

    /// Reads the whole body; before anything is written problems `import_exists`, `import_empty`, `import_no_email_column`,
    /// `import_too_many_columns`, `import_mapping_invalid`. An import that is cancelled meanwhile is given back as it then is.
    func run<Body: AsyncSequence & Sendable>(
        _ request: Request, body: Body, by identity: Identity, audit: @escaping Audit
    ) async throws -> LeadImport where Body.Element == ByteBuffer {
        if let id = request.id, try await ImportStore.find(id, of: identity.tenant, in: database) != nil { throw Self.exists }
        let entitlements = try await billing.call(BillingRPC.ReadEntitlements(tenant: identity.tenant))
        var session = ImportSession(
            request, identity: identity, fields: try await ImportStore.fields(of: identity.tenant, in: database),
            writer: ImportWriter(tenant: identity.tenant, limit: entitlements.leads, visible: identity.workspaces), database: database,
            outbox: outbox, clock: clock, suppressions: SuppressionCheck(delivery: delivery, clock: clock, logger: logger), audit: audit)
        do {
            var reader = ImportReader(isTabbed: request.isTabbed, encoding: request.encoding)
            for try await part in body {
                var rest = part
                while let piece = rest.readSlice(length: min(rest.readableBytes, Self.piece)), piece.readableBytes > 0 {
                    let records = piece.withUnsafeReadableBytes { reader.read($0.bindMemory(to: UInt8.self)) }
                    try await session.take(records, from: reader)
                }
                try await session.showLife()
            }
            try await session.take(reader.finish(), from: reader)
            return try await session.finish()
        } catch {
            return try await session.end(after: error)
        }
    }

    static let exists = HTTP.Problem.conflict(
        kind: "import_exists", title: "There is an import with this identifier.", detail: "Choose a new one for each upload.")
}
