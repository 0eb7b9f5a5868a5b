import Contracts
import Foundation
import HTTP
import Hummingbird

extension AppContext {
    /// The company's owners and admins, and its keys with the scope `audit:read`; or support with a stated reason: the token then names the company
    /// that reason is about.
    func requireTrailReader() throws(Problem) -> Identity {
        let identity = try requireIdentity()
        // Auth lets no key come here but for that scope, so a key's role says nothing.
        if identity.support != nil || identity.apiKey != nil { return identity }
        return try require(atLeast: .admin)
    }
}

extension ReadLog {
    /// By whoever reads a company's trail as one of its own or for support.
    func read(_ what: String, _ search: TrailSearch, by identity: Identity, _ context: AppContext) async throws {
        if identity.support != nil {
            try await staff(what, search: search.description, of: identity.tenant, by: identity, context)
        } else {
            try await own(what, search, by: identity, context)
        }
    }
}

extension EventActor.Kind {
    /// One of the operator's people, without a support session.
    static let staff = Self(rawValue: "staff")
}

extension Identity {
    /// Who acts in the operator's name: never to be taken for a user of the company in whose trail it stands.
    var staffActor: EventActor {
        support == nil ? EventActor(kind: .staff, id: user.description, name: name) : actor
    }
}

extension TrailSearch: CustomStringConvertible {
    /// As one would type it.
    var description: String {
        let named = parameters.map { "\($0.field.rawValue):\"\($0.value)\"" }
        let bounds = [span.from.map { "occurred:>=\(WireJSON.format($0))" }, span.to.map { "occurred:<\(WireJSON.format($0))" }].compactMap { $0 }
        return ([query.text] + named + bounds).filter { !$0.isEmpty }.joined(separator: " ")
    }
}
