import DNS
import Foundation
import HTTP
import Hummingbird
import Primitives

/// How private the sessions with other servers were, for the platform's staff; a domain's day also as the report that RFC 8460 describes.
struct TLSReportRoutes: Sendable {
    /// A domain has few servers; a report has an end.
    private static let mostLines = 5_000

    let store: TLSReportStore
    /// Who reports.
    let host: String
    let clock: WallClock

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/platform/system/tls-reports") { request, context in
            _ = try context.require(staff: .ops, .support)
            let page = try PageRequest(request)
            let domain = try request.uri.queryParameters["domain"].map { try Self.domain(String($0)) }
            let lines = try await store.lines(
                of: try day(request), domain: domain, after: try page.after(TLSReportStore.Place.self), limit: page.limit + 1)
            return try Response.json(
                Page(lines, limit: page.limit) {
                    TLSReportStore.Place(
                        domain: $0.policyDomain, type: $0.policyType.rawValue, result: $0.resultType.rawValue, host: $0.mxHost,
                        receiver: $0.receivingIp, sender: $0.sendingIp, reason: $0.reason)
                })
        }
        router.get("/api/v1/platform/system/tls-reports/{domain}") { request, context in
            _ = try context.require(staff: .ops, .support)
            let domain = try Self.domain(try context.parameters.require("domain"))
            let day = try day(request)
            let lines = try await store.lines(of: day, domain: domain, after: nil, limit: Self.mostLines)
            guard !lines.isEmpty else { throw Problem.notFound("report") }
            return try Response.json(
                TLSReport(about: domain, on: day, from: host, lines: lines, policies: try await store.policies(of: domain, on: day)))
        }
    }

    private static func domain(_ text: String) throws(Problem) -> String {
        guard let domain = DNSName.normalized(text) else { throw Problem.invalid("domain must be the name of a domain.", field: "domain") }
        return domain
    }

    /// Yesterday when none is named: the last day that is whole.
    private func day(_ request: Request) throws(Problem) -> String {
        guard let text = request.uri.queryParameters["day"] else { return TLSReportCounts.day(of: clock.now.addingTimeInterval(-86_400)) }
        guard let date = try? Date(String(text) + "T00:00:00Z", strategy: .iso8601), TLSReportCounts.day(of: date) == text else {
            throw Problem.invalid("day must be a day such as 2026-11-28.", field: "day")
        }
        return String(text)
    }
}
