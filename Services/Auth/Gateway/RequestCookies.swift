import HTTPTypes

/// The cookies that a request carries; of two with one name the first counts.
struct RequestCookies {
    private var values: [String: String] = [:]

    init(_ headers: HTTPFields) {
        for field in headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                // What stands before the first sign is the name, also when nothing does: `=session=…` names no session.
                let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard sides.count == 2, !sides[1].isEmpty else { continue }
                let name = sides[0].drop { $0 == " " }
                if values[String(name)] == nil { values[String(name)] = String(sides[1]) }
            }
        }
    }

    subscript(name: String) -> String? { values[name] }

    /// The session's cookie, where there is one.
    var session: SessionToken? {
        self[SessionToken.cookieName].map(SessionToken.init(text:))
    }
}
