import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// The public status: as data, and as a page that works without scripts. No host, version or tenant is named.
///
/// Both answer from memory, and what did not change since is a 304.
struct StatusRoutes {
    let board: StatusBoard
    let clock: WallClock

    private struct StatusAnswer: Encodable {
        let status: ComponentStatus
        let components: [StatusBoard.Component]
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/status") { request, _ in try answer(request) }
        router.get("/status") { request, _ in page(request) }
    }

    private func answer(_ request: Request) throws -> Response {
        let components = board.components(now: clock.now)
        return try Response.json(StatusAnswer(status: Self.overall(components), components: components)).cached(as: components, for: request)
    }

    private func page(_ request: Request) -> Response {
        let components = board.components(now: clock.now)
        let rows = components.map { "<tr><th scope=\"row\">\($0.name.htmlEscaped)</th><td>\($0.status.rawValue)</td></tr>" }.joined()
        return Response.html(
            """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>PenguinMails status</title></head><body><main><h1>PenguinMails is \(Self.overall(components).rawValue)</h1>
            <table><caption>Parts of the service</caption>\(rows)</table></main></body></html>
            """
        ).cached(as: components, for: request)
    }

    /// The worst of what was ever looked at; a part that is not looked at any more is no proof that all is well.
    static func overall(_ components: [StatusBoard.Component]) -> ComponentStatus {
        let watched = components.filter { $0.checkedAt != nil }.map(\.status)
        if watched.allSatisfy({ $0 == .unknown }) { return .unknown }
        if watched.allSatisfy({ $0 == .down }) { return .down }
        return watched.allSatisfy { $0 == .operational } ? .operational : .degraded
    }
}

extension Response {
    /// Lets anybody keep the answer for five seconds; a 304 for whoever has this very one.
    fileprivate func cached(as components: [StatusBoard.Component], for request: Request) -> Response {
        let tag = "\"" + components.map(\.version).joined(separator: "-") + "\""
        var response = self
        if let known = request.headers[.ifNoneMatch], known.contains(tag) {
            response = Response(status: .notModified)
            response.headers[.contentLength] = nil
        }
        response.headers[.cacheControl] = "public, max-age=5"
        response.headers[.eTag] = tag
        return response
    }
}

extension StatusBoard.Component {
    /// Names what is shown: the sample it comes from, and what time made of it.
    fileprivate var version: String {
        "\(status.rawValue)\(checkedAt.map { String(Int64(($0.timeIntervalSince1970 * 1000).rounded())) } ?? "")"
    }
}
