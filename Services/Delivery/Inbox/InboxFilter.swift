import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres

/// Which threads a list shows, from the request's query: `workspace`, `mailbox`, `campaign`, `state`, `unread`, `assigned_to` (an id, `me`, `nobody`),
/// `kind`, `label`, and `q`, with which the contact's address or the subject begins.
struct InboxFilter: Sendable {
    private(set) var conditions: [SQL]

    init(_ request: Request, as identity: Identity) throws(Problem) {
        let parameters = request.uri.queryParameters
        conditions = ["t.tenant_id = \(identity.tenant)"]
        if let text = parameters["workspace"] {
            guard let workspace = WorkspaceID(text) else { throw Problem.invalid("workspace must be the id of a workspace.", field: "workspace") }
            guard identity.mayUse(workspace) else { throw Problem.notFound("workspace") }
            conditions.append("t.workspace_id = \(workspace)")
        } else if let own = identity.workspaces {
            conditions.append("t.workspace_id = any(\(own))")
        }
        if let text = parameters["mailbox"] {
            guard let mailbox = MailboxID(text) else { throw Problem.invalid("mailbox must be the id of a mailbox.", field: "mailbox") }
            conditions.append("t.mailbox_id = \(mailbox)")
        }
        if let text = parameters["campaign"] {
            guard let campaign = CampaignID(text) else { throw Problem.invalid("campaign must be the id of a campaign.", field: "campaign") }
            conditions.append("t.campaign_id = \(campaign)")
        }
        let state = parameters["state"].map(String.init) ?? "open"
        if state != "all" {
            guard let state = InboxThread.State(rawValue: state) else {
                throw Problem.invalid("state must be open, archived, snoozed or all.", field: "state")
            }
            conditions.append("t.state = \(state)")
        }
        if let text = parameters["unread"] {
            guard text == "true" || text == "false" else { throw Problem.invalid("unread must be true or false.", field: "unread") }
            conditions.append("t.is_unread = \(text == "true")")
        }
        if let text = parameters["assigned_to"] { conditions.append(try Self.assigned(String(text), identity)) }
        if let text = parameters["kind"] {
            guard let kind = InboxThread.Kind(rawValue: String(text)) else {
                let known = InboxThread.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem.invalid("kind must be one of \(known).", field: "kind")
            }
            conditions.append("t.kind = \(kind)")
        }
        if let text = parameters["label"] {
            guard (1...64).contains(text.count) else { throw Problem.invalid("label must have 1 to 64 characters.", field: "label") }
            conditions.append("t.label = \(String(text))")
        }
        if let text = parameters["q"] { conditions.append(try Self.search(String(text))) }
    }

    private static func assigned(_ text: String, _ identity: Identity) throws(Problem) -> SQL {
        switch text {
        case "me": return "t.assigned_to = \(identity.user)"
        case "nobody": return "t.assigned_to is null"
        default:
            guard let user = UserID(text) else {
                throw Problem.invalid("assigned_to must be the id of a person, me or nobody.", field: "assigned_to")
            }
            return "t.assigned_to = \(user)"
        }
    }

    /// What begins so, as a span between two texts: unlike `like`, comparisons may use an index under row-level security.
    private static func search(_ text: String) throws(Problem) -> SQL {
        // A plus stands for a space in what forms send; it may also stand in an address.
        let spaced = SubjectKey(text.replacing("+", with: " ")).text
        let plain = text.trimmingCharacters(in: .whitespaces).lowercased()
        guard (1...200).contains(plain.count), !plain.utf8.contains(0) else {
            throw Problem.invalid("q must have 1 to 200 characters.", field: "q")
        }
        let end = "\u{10FFFF}"
        guard !spaced.isEmpty else { return "t.contact >= \(plain) and t.contact < \(plain + end)" }
        return """
            (t.contact >= \(plain) and t.contact < \(plain + end) or t.subject_key >= \(spaced) and t.subject_key < \(spaced + end))
            """
    }
}
