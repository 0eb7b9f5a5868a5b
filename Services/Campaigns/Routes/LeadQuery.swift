import Contracts
import Foundation
import HTTP
import Hummingbird

/// Which leads a request asks for, in its query: `workspace`, `q`, `tag`, `status`, `list`.
struct LeadQuery {
    let workspace: WorkspaceID
    let filter: LeadFilter

    init(_ request: Request) throws(Problem) {
        let parameters = request.uri.queryParameters
        guard let workspace = parameters["workspace"].flatMap({ WorkspaceID($0) }) else {
            throw Problem.invalid("workspace must name a workspace.", field: "workspace")
        }
        var filter = LeadFilter()
        // A plus stands for a space in what forms and many clients send.
        filter.q = parameters["q"].map { String($0).replacing("+", with: " ") }
        filter.tag = parameters["tag"].map { String($0) }
        if let text = parameters["status"] {
            guard let status = LeadStatus(rawValue: String(text)) else {
                throw Problem.invalid("status must be active, unsubscribed, bounced, complained or suppressed.", field: "status")
            }
            filter.status = status
        }
        if let text = parameters["list"] {
            guard let list = ListID(text) else { throw Problem.invalid("list must be the id of a list.", field: "list") }
            filter.list = list
        }
        try Self.check(filter)
        self.workspace = workspace
        self.filter = filter
    }

    /// What a filter must have, wherever it came from.
    static func check(_ filter: LeadFilter) throws(Problem) {
        if let q = filter.q {
            // Without a word it would mean everybody.
            guard q.count <= 200, q.contains(where: { $0.isLetter || $0.isNumber }) else {
                throw Problem.invalid("q must have a letter or a digit, and at most 200 characters.", field: "q")
            }
        }
        if let tag = filter.tag, !(1...64).contains(tag.count) { throw Problem.invalid("tag must have 1 to 64 characters.", field: "tag") }
    }
}
