import Contracts
import HTTP
import Hummingbird
import Postgres

/// Days of campaigns' own calendars, both ends included; nil is open.
struct DayRange: Sendable, Equatable {
    /// Numbers as ``CivilDay`` has them.
    var first: Int?
    var last: Int?

    /// Nobody mailed before, and nobody plans further.
    private static let known = 0...CivilDay.number(year: 2999, month: 12, day: 31)

    init(first: Int? = nil, last: Int? = nil) {
        self.first = first
        self.last = last
    }

    /// What a request asks for with `from` and `to`; a 400 problem for what is no day.
    init(_ request: Request) throws(Problem) {
        first = try Self.day("from", of: request)
        last = try Self.day("to", of: request)
        if let first, let last, first > last { throw Problem.invalid("from must not be after to.", field: "from") }
    }

    private static func day(_ name: Substring, of request: Request) throws(Problem) -> Int? {
        guard let text = request.uri.queryParameters[name] else { return nil }
        guard let day = CivilDay.number(of: String(text)), known.contains(day) else {
            throw Problem.invalid("\(name) must be a day, written like 2026-11-23.", field: String(name))
        }
        return day
    }

    var from: String? { first.map(CivilDay.text(of:)) }
    var to: String? { last.map(CivilDay.text(of:)) }

    /// A condition on `t.day`, to stand behind others.
    var condition: SQL {
        let start = from.map { day -> SQL in "and t.day >= \(day)::date" } ?? ""
        let end = to.map { day -> SQL in "and t.day <= \(day)::date" } ?? ""
        return "\(start) \(end)"
    }
}
