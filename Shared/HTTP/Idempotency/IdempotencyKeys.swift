import Contracts
import Crypto
import Foundation
import HTTPTypes
public import Hummingbird
import NIOCore
public import Postgres
public import Primitives

/// Makes a POST safe to repeat: the same key with the same body replays the stored answer.
///
/// The key is claimed by a unique insert before the work. An answer of 2xx or 5xx is kept for 24 hours; a 4xx frees the key, since
/// nothing was done. Another body under the same key is a 422, a request still at work a 409.
public struct IdempotencyKeys: Sendable {
    private let database: Database
    private let clock: WallClock

    /// `database` is the service's `_api` role.
    public init(database: Database, clock: WallClock) {
        self.database = database
        self.clock = clock
    }

    /// Runs `work` once per key; a request without the header just runs.
    public func once(
        _ request: Request, as identity: Identity, body: some Encodable, _ work: () async throws -> Response
    ) async throws -> Response {
        guard let key = request.headers[.idempotencyKey] else { return try await work() }
        guard (1...255).contains(key.utf8.count) else { throw Problem.invalid("Idempotency-Key takes 1 to 255 characters.") }
        let route = "\(request.method) \(request.uri.path)"
        let digest = Data(SHA256.hash(data: try WireJSON.encoder().encode(body)))
        if let stored = try await claim(key, route: route, digest: digest, as: identity.tenant) { return stored }
        do {
            let response = try await work()
            return try await keep(response, key: key, route: route, as: identity.tenant)
        } catch {
            try await free(key, route: route, as: identity.tenant)
            throw error
        }
    }

    /// Nil when the key is ours now; the stored answer when the work was done before.
    private func claim(_ key: String, route: String, digest: Data, as tenant: TenantID) async throws -> Response? {
        let now = clock.now
        // A claim without an answer after a minute belongs to a process that died: it may be taken over.
        let rows = try await database.query(
            as: tenant,
            """
            insert into idempotency_keys as k (tenant_id, key, route, digest, created_at)
            values (\(tenant), \(key), \(route), \(digest), \(now))
            on conflict (tenant_id, route, key) do update set digest = excluded.digest, created_at = excluded.created_at, status = null, body = null,
                etag = null, location = null
            where k.created_at < \(now.addingTimeInterval(-86_400)) or (k.status is null and k.created_at < \(now.addingTimeInterval(-60)))
            returning key
            """)
        guard rows.isEmpty else { return nil }
        let stored = try await database.query(
            as: tenant,
            """
            select digest, status, content_type, etag, location, body from idempotency_keys
            where tenant_id = \(tenant) and route = \(route) and key = \(key)
            """)
        guard let row = stored.first else { throw Problem.conflict(kind: "idempotency_in_progress", title: "The first request is still at work.") }
        guard try row.decode("digest") == digest else {
            throw Problem.unprocessable(kind: "idempotency_mismatch", title: "This Idempotency-Key was used with another body.")
        }
        guard let status: Int = try row.decodeOptional("status") else {
            throw Problem.conflict(kind: "idempotency_in_progress", title: "The first request is still at work.")
        }
        let body: Data = try row.decodeOptional("body") ?? Data()
        var headers: HTTPFields = [.contentType: try row.decodeOptional("content_type") ?? "application/json", .cacheControl: "no-store"]
        headers[.eTag] = try row.decodeOptional("etag")
        headers[.location] = try row.decodeOptional("location")
        return Response(status: .init(code: status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    private func keep(_ response: Response, key: String, route: String, as tenant: TenantID) async throws -> Response {
        let collector = BodyCollector()
        try await response.body.write(collector.writer())
        let body = collector.bytes
        try await database.query(
            as: tenant,
            """
            update idempotency_keys set status = \(response.status.code), content_type = \(response.headers[.contentType]),
                etag = \(response.headers[.eTag]), location = \(response.headers[.location]), body = \(body)
            where tenant_id = \(tenant) and route = \(route) and key = \(key)
            """)
        var replayable = response
        replayable.body = .init(byteBuffer: ByteBuffer(bytes: body))
        return replayable
    }

    private func free(_ key: String, route: String, as tenant: TenantID) async throws {
        try await database.query(
            as: tenant, "delete from idempotency_keys where tenant_id = \(tenant) and route = \(route) and key = \(key) and status is null")
    }
}
