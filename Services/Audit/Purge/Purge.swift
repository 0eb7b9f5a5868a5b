import Contracts

/// Forgetting a company, or one of its workspaces.
struct Purge: Sendable {
    /// True at once: the trail is evidence, also of this deletion, and outlives whom it tells of. No role may delete from it; how long it is
    /// kept is for its retention to say.
    func purge(_ request: AuditRPC.Purge) -> Bool { true }
}
