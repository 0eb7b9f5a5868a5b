import Contracts
import Crypto
import Foundation
import HTTP
import Mail
import Primitives

/// Makes the message of a send: the same send always gives the same Message-ID.
struct MessageComposer: Sendable {
    static let unsubscribePlaceholder = "{{unsubscribe_url}}"

    let links: UnsubscribeLinks
    /// Nil: nothing is noticed of any mail.
    var tracker: MailTracker?

    /// Throws ``MailMessageError`` or ``MailAddressError`` for what can never be sent.
    func compose(_ delivery: Delivery, from mailbox: SendingMailbox) throws -> [UInt8] {
        let sender = try MailAddress(mailbox.address)
        let link = links.link(tenant: delivery.tenant, send: delivery.send)
        let text = delivery.text.substituting(Self.unsubscribePlaceholder, with: link)
        let html = try tracked(delivery)?.substituting(Self.unsubscribePlaceholder, with: link.htmlEscaped)
        // What one person writes to another is no mail of a list.
        let isAnswer = delivery.sendKey.hasPrefix(InboxReply.keyPrefix)
        let thread =
            isAnswer
            ? delivery.answers
            : delivery.follows.map { key in
                Self.identifier(of: key, renamed: delivery.renamed[key], tenant: delivery.tenant, at: sender.domain)
            }
        let message = MailMessage(
            from: sender.named(mailbox.displayName), to: [try MailAddress(delivery.recipient).named(delivery.recipientName)],
            subject: delivery.subject, text: text, html: html,
            messageIdentifier: Self.messageIdentifier(of: delivery.sendKey, tenant: delivery.tenant, at: sender.domain), date: delivery.createdAt,
            inReplyTo: thread.last, references: thread, listUnsubscribe: isAnswer ? nil : ListUnsubscribe(link: link))
        return try message.serialized()
    }

    /// Before the placeholder becomes a link, so that the way out is never a tracked one.
    private func tracked(_ delivery: Delivery) throws -> String? {
        guard let tracker, let tracking = delivery.tracking, let html = delivery.html else { return delivery.html }
        return try tracker.html(html, tenant: delivery.tenant, send: delivery.send, tracking)
    }

    /// By which a mail that went out is known to who got it: the provider's name for it, where it gave one that can stand in a header of ours.
    static func identifier(of sendKey: String, renamed: String?, tenant: TenantID, at domain: String) -> String {
        renamed.flatMap { InboxReply.canBeWritten($0) ? $0 : nil } ?? messageIdentifier(of: sendKey, tenant: tenant, at: domain)
    }

    /// A digest, so that it tells a stranger nothing about campaign or lead.
    static func messageIdentifier(of sendKey: String, tenant: TenantID, at domain: String) -> String {
        let digest = SHA256.hash(data: Data("\(tenant)|\(sendKey)".utf8))
        return "\(Data(digest.prefix(16)).hexadecimal)@\(domain)"
    }
}
