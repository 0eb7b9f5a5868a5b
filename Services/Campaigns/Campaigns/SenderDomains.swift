import Contracts
import RPC

/// Whether mail from a campaign's mailboxes is authenticated, as Delivery knows it.
struct SenderDomains: Sendable {
    let delivery: RPCClient

    /// One reason a domain that is not; and whether they stand in the way of a start, or are only told.
    func reasons(_ mailboxes: [MailboxID], of tenant: TenantID) async throws -> (reasons: [LaunchReason], isRequired: Bool) {
        guard !mailboxes.isEmpty else { return ([], true) }
        let answer = try await delivery.call(DeliveryRPC.CheckSendingDomains(tenant: tenant, mailboxes: mailboxes))
        return (Self.reasons(answer.senders), answer.isRequired)
    }

    static func reasons(_ senders: [DeliveryRPC.SendingDomains.Sender]) -> [LaunchReason] {
        let bad = Dictionary(senders.filter { !$0.isAuthenticated }.map { ($0.domain, $0.reasons) }) { first, _ in first }
        return bad.sorted { $0.key < $1.key }.map { domain, reasons in
            let words = reasons.map { "\($0.detail) (\($0.code))" }.joined(separator: " ")
            return LaunchReason(code: "domain_unauthenticated", detail: "Mail from \(domain) is not authenticated. \(words)")
        }
    }
}
