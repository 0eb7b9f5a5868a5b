import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// The public status: as data, and as a page that works without scripts. No host, version or tenant is named.
struct StatusRoutes {
    let board: StatusBoard
    let clock: WallClock

    private struct StatusAnswer: Encodable {
        let status: ComponentStatus
        let components: [StatusBoard.Component]
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/status") { _, _ in
            let components = board.components(now: clock.now)
            return try Response.json(
                StatusAnswer(status: Self.overall(components), components: components), headers: [.cacheControl: "public, max-age=5"])
        }
        router.get("/status") { _, _ in
            let components = board.components(now: clock.now)
            let rows = components.map { "<tr><th scope=\"row\">\($0.name.htmlEscaped)</th><td>\($0.status.rawValue)</td></tr>" }.joined()
            return Response.html(
                """
                <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
                <title>PenguinMails status</title></head><body><main><h1>PenguinMails is \(Self.overall(components).rawValue)</h1>
                <table><caption>Parts of the service</caption>\(rows)</table></main></body></html>
                """)
        }
    }

    /// The worst of what is known.
    static func overall(_ components: [StatusBoard.Component]) -> ComponentStatus {
        let known = components.map(\.status).filter { $0 != .unknown }
        if known.isEmpty { return .unknown }
        if known.contains(.down) { return known.allSatisfy { $0 == .down } ? .down : .degraded }
        return known.contains(.degraded) ? .degraded : .operational
    }
}
