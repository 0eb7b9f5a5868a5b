import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives

/// A tenant's question whether a mail would be taken.
struct ComplianceRoutes {
    let store: ComplianceStore
    /// What is known of a domain; nil when it has not been added.
    let domainState: @Sendable (TenantID, String) async throws -> DomainState?
    let compose: @Sendable (Delivery, SendingMailbox) async throws -> [UInt8]
    let links: UnsubscribeLinks
    let clock: WallClock

    static let largestBody = 1_500_000

    private struct CheckRequest: Decodable {
        /// A mail that has not gone out yet; without it, `subject` and `text` say what to look at.
        let send: SendID?
        let subject: String?
        let text: String?
        let html: String?
        /// Whether it answers a mail.
        let isReply: Bool?
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/mailboxes/{id}/compliance-check") { request, context in
            let identity = try context.requireIdentity()
            let id = try context.identifier("id", as: MailboxID.self)
            let input = try await request.json(CheckRequest.self, limit: Self.largestBody)
            guard let found = try await store.mailbox(id, of: identity.tenant), identity.mayUse(found.workspace) else {
                throw Problem.notFound("mailbox")
            }
            let content = try await content(input, of: id, identity.tenant)
            return try Response.json(try await report(content, from: found.mailbox, of: identity.tenant))
        }
    }

    private func content(_ input: CheckRequest, of mailbox: MailboxID, _ tenant: TenantID) async throws -> ComplianceStore.Content {
        if let send = input.send {
            guard let content = try await store.content(of: send, mailbox, tenant) else {
                // What a mail says is erased when its fate is known.
                throw Problem.notFound("mail of this mailbox, or what it said has been erased")
            }
            return content
        }
        guard let subject = input.subject else {
            throw Problem.invalid("subject says what the mail's subject is, or send names a mail.", field: "subject")
        }
        guard subject.utf8.count <= 998, !subject.contains(where: \.isNewline) else {
            throw Problem.invalid("subject must have at most 998 bytes in one line.", field: "subject")
        }
        return ComplianceStore.Content(
            send: SendID(.v7(at: clock.now)), subject: subject, text: input.text ?? "", html: input.html,
            follows: input.isReply == true ? ["reply"] : [],
            recipient: "recipient@example.com", recipientName: nil)
    }

    private func report(_ content: ComplianceStore.Content, from mailbox: SendingMailbox, of tenant: TenantID) async throws -> ComplianceReport {
        let domain = mailbox.address.split(separator: "@").last.map { $0.lowercased() } ?? ""
        let complaints = try await store.complaints(of: domain, tenant, now: clock.now)
        let delivery = content.delivery(from: mailbox, now: clock.now)
        let mail: [UInt8]
        do {
            mail = try await compose(delivery, mailbox)
        } catch let error as any MailFault {
            throw Problem.unprocessable(kind: "mail_not_valid", title: "This mail cannot be sent as it is.", detail: "\(error)")
        }
        let link = links.link(tenant: tenant, send: content.send)
        return ComplianceCheck(
            ComplianceSample(
                address: mailbox.address, displayName: mailbox.displayName, subject: content.subject,
                text: content.text.substituting(MessageComposer.unsubscribePlaceholder, with: link),
                html: content.html?.substituting(MessageComposer.unsubscribePlaceholder, with: link), mail: mail, unsubscribeLink: link,
                isReply: !content.follows.isEmpty, domain: try await domainState(tenant, domain) ?? .unknown, complaints: complaints.complaints,
                accepted: complaints.accepted)
        ).report()
    }
}
