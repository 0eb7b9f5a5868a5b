import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// The way to a file for whoever has it: good once, for ten minutes. Only its digest is kept.
struct ExportLink: Sendable, Equatable {
    static let lifetime: TimeInterval = 600

    let tenant: TenantID
    private let secret: Data

    init(to tenant: TenantID) {
        self.tenant = tenant
        secret = randomBytes(32)
    }

    /// Nil for what was never one.
    init?(token: String) {
        guard token.utf8.count == 64, let bytes = Data(base64URL: token), bytes.count == 48 else { return nil }
        tenant = TenantID(UUID(uuid: bytes.withUnsafeBytes { $0.loadUnaligned(as: uuid_t.self) }))
        secret = Data(bytes.dropFirst(16))
    }

    /// Names the company too, since whoever comes with it need not be signed in.
    var token: String {
        (withUnsafeBytes(of: tenant.uuid.uuid) { Data($0) } + secret).base64URL
    }

    private var digest: Data { Data(SHA256.hash(data: secret)) }

    func keep(for export: TrailExportID, until end: Date, in database: Database) async throws {
        try await database.query(
            as: tenant,
            "insert into trail_export_links (tenant_id, digest, export_id, expires_at) values (\(tenant), \(digest), \(export), \(end))")
    }

    /// Uses it up: the export that it leads to, nil when it was used before or its time is over.
    func take(at now: Date, in database: Database) async throws -> TrailExportID? {
        try await database.query(
            as: tenant,
            """
            delete from trail_export_links where tenant_id = \(tenant) and digest = \(digest) and expires_at > \(now) returning export_id
            """
        ).first?.decode("export_id")
    }
}
