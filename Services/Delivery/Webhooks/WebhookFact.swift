import Contracts
import Foundation
import Primitives

enum WebhookMessageKind {}
/// The same for every attempt and every endpoint: receivers tell repetitions by it.
typealias WebhookMessageID = EntityID<WebhookMessageKind>

/// Something that happened, before anybody is told of it: identifiers and small values, never what is known of a person.
struct WebhookFact: Sendable {
    let tenant: TenantID
    /// Nil when it belongs to no workspace, or nobody knows to which.
    var workspace: WorkspaceID?
    let type: WebhookType
    /// The same for the same fact, however often it is heard.
    let sourceKey: String
    let at: Date
    var data: WebhookData
}

/// What a message says besides its type; what is absent does not apply, or is not known.
struct WebhookData: Encodable, Sendable, Equatable {
    var send: SendID?
    var sendKey: String?
    var mailbox: MailboxID?
    var campaign: CampaignID?
    var enrolment: EnrolmentID?
    var enrolments: [EnrolmentID]?
    var lead: LeadID?
    var leadImport: ImportID?
    /// The SMTP reply code.
    var code: Int?
    /// `hard` or `soft`.
    var bounce: String?
    var isMachine: Bool?
    var status: String?
    var reason: String?
    var fields: [String]?
    var created: Int64?
    var updated: Int64?
    var duplicates: Int64?
    var rejected: Int64?
    /// A domain of the company.
    var domain: DomainID?
    var name: String?
    var isAuthenticated: Bool?
    /// Codes of what is wrong.
    var reasons: [String]?
    /// Whose reputation or hold: `tenant`, `domain` or `mailbox`; the domain's name, where it is one.
    var scope: String?
    var subject: String?
    var band: String?
    var previous: String?
    var level: String?
    var complaints: Int?
    var accepted: Int?
    var strategy: String?

    enum CodingKeys: String, CodingKey {
        case send, sendKey, mailbox, campaign, enrolment, enrolments, lead, code, bounce, isMachine, status, reason, fields, created, updated
        case duplicates, rejected, domain, name, isAuthenticated, reasons, scope, subject, band, previous, level, complaints, accepted, strategy
        case leadImport = "import"
    }
}

/// The message as it is sent.
struct WebhookPayload: Encodable, Sendable {
    let id: WebhookMessageID
    let type: String
    /// When it happened.
    let createdAt: Date
    let tenant: TenantID
    let workspace: WorkspaceID?
    let data: WebhookData

    init(_ fact: WebhookFact, id: WebhookMessageID) {
        self.id = id
        type = fact.type.rawValue
        createdAt = fact.at
        tenant = fact.tenant
        workspace = fact.workspace
        data = fact.data
    }

    /// What somebody sends to try an endpoint out.
    init(testOf endpoint: WebhookEndpoint, tenant: TenantID, at now: Date) {
        id = WebhookMessageID(.v7(at: now))
        type = WebhookType.test
        createdAt = now
        self.tenant = tenant
        workspace = endpoint.workspace
        data = WebhookData()
    }

    func encoded() throws -> String {
        String(decoding: try WireJSON.encoder().encode(self), as: UTF8.self)
    }
}
