import Contracts
import Foundation
import HTTP
import Hummingbird
import NIOCore
import Postgres
import Primitives
import ServiceRuntime

/// A company's trail as it grows (text/event-stream): each entry once, by its number, which is also the event's id.
struct TrailTail: Sendable {
    /// A stream ends by itself after this long; whoever looks on asks again with Last-Event-ID, and is asked who it is.
    static let length = Duration.seconds(300)
    /// How many numbers are looked at, and how many entries are sent, in one go.
    private static let span: Int64 = 5_000
    private static let batch = 200

    /// Of the `_api` role.
    let database: Database
    let watch: SessionWatch
    let clock: WallClock
    var seats = StreamSeats(of: "the trail", ofOne: 10)

    /// What is behind `seq`, or what comes from now on, while the session lives, and the support session if it is one. Problem `too_many_streams`.
    func stream(_ search: TrailSearch, after seq: Int64?, for identity: Identity) async throws -> Response {
        let tenant = identity.tenant
        // Given back by itself if anything below fails, or if nobody reads the answer.
        let seat = try seats.take(of: tenant)
        let head = try await size(of: tenant)
        // A number that is not there yet, as from another trail, must not keep its reader from what comes next.
        let start = min(seq ?? head, head)
        let watch = watch
        let body = ResponseBody { writer in
            defer { seat.leave() }
            let end = ContinuousClock.now + Self.length
            try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
            try await watch.watching(identity.session, support: identity.support) { isLive in
                var last = start
                var quiet = 0
                while ContinuousClock.now < end, await isLive() {
                    let head = try await size(of: tenant)
                    while last < head, ContinuousClock.now < end, await isLive() {
                        // Read anew: what came may be of a month that is kept otherwise, or the first of all.
                        let kept = try await RetentionWindow.read(of: tenant, at: clock.now, in: database)
                        let step = try await entries(of: tenant, search, kept, after: last, upTo: min(head, last + Self.span))
                        for entry in step.entries { try await writer.write(ByteBuffer(string: try Self.message(entry))) }
                        last = step.last
                        quiet = 0
                    }
                    quiet += 1
                    // So that whatever stands between does not take the line for dead, and that a reader who is gone is noticed.
                    if quiet % 5 == 0 { try await writer.write(ByteBuffer(string: ": \n\n")) }
                    // Looks more often than it speaks: a revoked session hears nothing more within a second.
                    for _ in 0..<4 {
                        guard await isLive() else { return }
                        try await Task.sleep(for: .milliseconds(250))
                    }
                }
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
    }

    private func size(of tenant: TenantID) async throws -> Int64 {
        try await database.query(as: tenant, "select size from trail_heads where tenant_id = \(tenant)").first?.decode("size") ?? 0
    }

    /// Those that fit, in order, and the last number that was looked at.
    private func entries(
        of tenant: TenantID, _ search: TrailSearch, _ kept: RetentionWindow, after last: Int64, upTo end: Int64
    ) async throws -> (entries: [TrailEvent], last: Int64) {
        let bounds: [SQL] = ["e.tenant_id = \(tenant)", "e.seq > \(last)", "e.seq <= \(end)", kept.condition]
        let conditions = bounds + search.terms.map { SearchCompiler.condition($0, tenant: tenant) }
        let rows = try await database.inTime(as: tenant) { transaction in
            try await transaction.query(
                """
                select \(TrailStore.columns) from \(TrailStore.source) where \(SQL.joined(conditions, separator: " and "))
                order by e.seq limit \(Self.batch)
                """)
        }
        let entries = try rows.map { try TrailStore.event($0) }
        return (entries, entries.count == Self.batch ? entries[entries.count - 1].seq : end)
    }

    private static func message(_ entry: TrailEvent) throws -> String {
        let data = String(decoding: try WireJSON.encoder().encode(entry), as: UTF8.self)
        return "id: \(entry.seq)\nevent: audit\ndata: \(data)\n\n"
    }
}
