import Contracts
import Foundation
import Postgres

/// Which leads of a workspace are meant; everything that is given must fit.
struct LeadFilter: Codable, Sendable, Equatable {
    /// Beginnings of words of the address, the names and the company, all of which must occur.
    var q: String?
    var tag: String?
    var status: LeadStatus?
    var list: ListID?
}

/// In which order leads are listed.
enum LeadOrder: String, Codable, Sendable {
    /// The newest first.
    case created
    case email
}

/// Where a page of leads begins: behind this one.
struct LeadPosition: Codable, Sendable, Equatable {
    var id: LeadID?
    var email: String?

    init(_ lead: Lead, in order: LeadOrder) {
        switch order {
        case .created: id = lead.id
        case .email: email = lead.email
        }
    }

    init(id: LeadID) {
        self.id = id
    }

    /// Whether a list in this order gave it.
    func belongs(to order: LeadOrder) -> Bool {
        switch order {
        case .created: id != nil && email == nil
        case .email: email != nil && id == nil
        }
    }
}

extension LeadFilter {
    /// Selects `id`, in order; `find_leads` (m0004) has an index for each way to ask and takes the tenant from the transaction's setting.
    func identifiers(in workspace: WorkspaceID, order: LeadOrder = .created, after position: LeadPosition? = nil, limit: Int) -> SQL {
        """
        select f.id from find_leads(\(workspace), \(q), \(tag), \(status?.rawValue), \(list), \(order == .email), \(position?.id), \(position?.email),
            \(limit)) as f (id)
        """
    }
}
