import Contracts
import RPC

/// Whether campaigns may start from mailboxes, by what the last checks of their domains found.
struct SenderCheck: Sendable {
    let store: DomainStore
    let isRequired: Bool

    func check(_ request: DeliveryRPC.CheckSendingDomains) async throws -> DeliveryRPC.SendingDomains {
        guard request.mailboxes.count <= 200 else { throw RPCError(kind: "invalid_batch", message: "At most 200 mailboxes.") }
        let facts = try await store.senders(request.mailboxes, of: request.tenant)
        return DeliveryRPC.SendingDomains(isRequired: isRequired, senders: facts.map(Self.sender))
    }

    static func sender(_ facts: SenderFacts) -> DeliveryRPC.SendingDomains.Sender {
        let reasons = reasons(facts)
        return .init(mailbox: facts.mailbox, domain: facts.domain, isAuthenticated: reasons.isEmpty, reasons: reasons)
    }

    private static func reasons(_ facts: SenderFacts) -> [DeliveryRPC.SendingDomains.Reason] {
        guard let state = facts.state else {
            // A provider authenticates mail from its own domain, and only when it goes through its own servers.
            if MailProvider.of(server: facts.server)?.ownDomains.contains(facts.domain) == true { return [] }
            return [.init(code: "domain_not_added", detail: "Add the domain \(facts.domain) and publish its records.")]
        }
        if DomainStanding(state: state).isAuthenticated { return [] }
        let found = facts.report?.reasons ?? []
        guard !found.isEmpty else { return [.init(code: "domain_not_verified", detail: "The domain \(facts.domain) is not verified yet.")] }
        return found.prefix(10).map { .init(code: $0.code.rawValue, detail: "\(facts.domain): \($0.detail)") }
    }
}
