import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives

/// The public status: as data, as a page that works without scripts, and as a feed. No host, version or tenant is named.
///
/// All answer from memory, and what did not change since is a 304.
struct StatusRoutes {
    let board: StatusBoard
    let clock: WallClock
    /// The site's public address, without a slash at its end; empty: links are relative.
    var address = ""

    private struct StatusAnswer: Encodable {
        let status: ComponentStatus
        let components: [StatusBoard.Component]
        /// Open ones and those of the last seven days.
        let incidents: [Incident]
        let scheduledMaintenances: [Maintenance]
        /// When incidents, maintenance and uptime were last read; missing while they are not known.
        let historyAt: Date?
    }

    private struct UptimeAnswer: Encodable {
        let components: [Component]
        /// When the days were last read; missing while they are not known.
        let historyAt: Date?

        struct Component: Encodable {
            let name: String
            let uptimePercent: Double?
            let days: [Day]
        }

        /// Minutes of a day in UTC.
        struct Day: Encodable {
            let day: String
            let operational: Int
            let degraded: Int
            let down: Int
            let maintenance: Int
        }
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/status") { request, _ in
            let now = board.snapshot(now: clock.now)
            let answer = StatusAnswer(
                status: now.overall, components: now.components, incidents: now.recentIncidents, scheduledMaintenances: now.maintenances,
                historyAt: now.history.readAt)
            return try Self.json(answer, for: request)
        }
        router.get("/api/v1/status/uptime") { request, _ in
            let now = board.snapshot(now: clock.now)
            let components = now.components.map { Self.uptime(of: $0, in: now.history) }
            return try Self.json(UptimeAnswer(components: components, historyAt: now.history.readAt), for: request)
        }
        router.get("/api/v2/summary.json") { request, _ in
            try Self.json(StatusSummary(board.snapshot(now: clock.now), address: address), for: request)
        }
        router.get("/status") { request, _ in
            let page = StatusPage(snapshot: board.snapshot(now: clock.now)).html
            return Response.html(page).cached(Array(page.utf8), for: request)
        }
        router.get("/status/feed.atom") { request, _ in
            let feed = StatusFeed(snapshot: board.snapshot(now: clock.now), address: address).xml
            return Self.text(feed, type: "application/atom+xml; charset=utf-8", for: request)
        }
        router.get("/status/style.css") { request, _ in
            Self.text(StatusPage.style, type: "text/css; charset=utf-8", for: request)
        }
    }

    private static func uptime(of component: StatusBoard.Component, in history: StatusHistory) -> UptimeAnswer.Component {
        let days = (history.days[component.name] ?? []).map { day in
            UptimeAnswer.Day(
                day: CivilDay.text(of: day.day), operational: day.operational, degraded: day.degraded, down: day.down,
                maintenance: day.maintenance)
        }
        return UptimeAnswer.Component(name: component.name, uptimePercent: component.uptimePercent, days: days)
    }

    private static func json(_ value: some Encodable, for request: Request) throws -> Response {
        let body = [UInt8](try WireJSON.encoder().encode(value))
        let response = Response(
            status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
        return response.cached(body, for: request)
    }

    private static func text(_ text: String, type: String, for request: Request) -> Response {
        let response = Response(status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
        return response.cached(Array(text.utf8), for: request)
    }

    /// The worst of what is known; a part that is not looked at any more is no proof that all is well.
    static func overall(_ components: [StatusBoard.Component]) -> ComponentStatus {
        let watched = components.filter { $0.checkedAt != nil || $0.status != .unknown }.map(\.status)
        if watched.allSatisfy({ $0 == .unknown }) { return .unknown }
        if watched.allSatisfy({ $0 == .down }) { return .down }
        if watched.allSatisfy({ $0 == .operational }) { return .operational }
        return watched.allSatisfy { $0 == .operational || $0 == .maintenance } ? .maintenance : .degraded
    }
}

extension Response {
    /// Lets anybody keep the answer for half a minute; a 304 for whoever has this very one.
    fileprivate func cached(_ body: [UInt8], for request: Request) -> Response {
        let tag = "\"\(Self.digest(of: body))\""
        var response = self
        if let known = request.headers[.ifNoneMatch], known == "*" || known.contains(tag) {
            response = Response(status: .notModified)
            response.headers[.contentLength] = nil
        }
        response.headers[.cacheControl] = "public, max-age=30"
        response.headers[.eTag] = tag
        return response
    }

    /// The 64 bits of FNV-1a: tells versions of our own text apart, the same in every replica.
    private static func digest(of bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}
