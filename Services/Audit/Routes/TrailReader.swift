import Contracts
import Foundation
import HTTP
import Hummingbird

extension AppContext {
    /// The company's owners and admins, or support with a stated reason: the token then names the company that reason is about.
    func requireTrailReader() throws(Problem) -> Identity {
        let identity = try requireIdentity()
        return identity.support == nil ? try require(atLeast: .admin) : identity
    }
}

extension ReadLog {
    /// By whoever reads a company's trail as one of its own or for support. `isFirst` is false for what belongs to a read that is kept already.
    func read(_ what: String, _ search: TrailSearch, isFirst: Bool = true, by identity: Identity, _ context: AppContext) async throws {
        if identity.support != nil {
            try await staff(what, search: search.description, of: identity.tenant, by: identity, context)
        } else if isFirst {
            try await own(what, search, by: identity, context)
        }
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
