import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import TestSupport

@testable import Campaigns

/// An answer with the headers that templates' answers carry.
struct TemplateReply: Sendable {
    let answer: CampaignsFixture.Answer
    let etag: String?
    let retryAfter: String?

    var status: Int { answer.status }
    var body: String { answer.body }
    func text(_ name: String) -> String { answer.text(name) }
    func number(_ name: String) -> Int { answer.number(name) }

    /// The codes of the warnings.
    var warnings: [String] { (answer.member("warnings") as? [[String: Any]] ?? []).compactMap { $0["code"] as? String } }
}

extension CampaignsFixture {
    /// As `send`, with the headers and callers that templates ask about.
    func templates(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, ifMatch: String? = nil, key: String? = nil, tenant: TenantID? = nil,
        user: UserID = UserID(UUID()), role: Role = .owner, isVerified: Bool = true, workspaces: [WorkspaceID]? = nil
    ) async throws -> TemplateReply {
        var headers = try await house.identityHeader(
            tenant: tenant ?? self.tenant, user: user, role: role, isVerified: isVerified, workspaces: workspaces)
        headers[.contentType] = "application/json"
        headers[.ifMatch] = ifMatch
        headers[.idempotencyKey] = key
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: "/api/v1/templates\(path)", method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                TemplateReply(
                    answer: Answer(status: $0.status.code, body: String(buffer: $0.body)), etag: $0.headers[.eTag],
                    retryAfter: $0.headers[.retryAfter])
            }
        }
    }

    /// A template of the workspace; gives its answer.
    func makeTemplate(
        name: String = "T", subject: String = "Hi {{first_name|there}}", text: String? = "{{postal_address}} {{unsubscribe_url}}",
        html: String? = nil
    ) async throws -> TemplateReply {
        let members: [String: String?] = [
            "workspace": peers.workspace.description, "name": name, "subject": subject, "text": text, "html": html,
        ]
        return try await templates(.post, "", try Self.json(members))
    }

    static func json(_ members: [String: String?]) throws -> String {
        String(decoding: try JSONEncoder().encode(members.compactMapValues { $0 }), as: UTF8.self)
    }

    /// A lead of the workspace.
    func makeLead(first: String, custom: String = "{}") async throws -> LeadID {
        let lead = LeadID(UUID())
        let now = house.clock.clock.now
        try await house.house.worker.query(
            """
            insert into leads (tenant_id, id, email, first_name, custom, created_at, updated_at)
            values (\(tenant), \(lead), \("\(lead)@x.org"), \(first), \(json: PostgresJSON(text: custom)), \(now), \(now))
            """)
        try await house.house.worker.query(
            "insert into lead_workspaces (tenant_id, workspace_id, lead_id) values (\(tenant), \(peers.workspace), \(lead))")
        return lead
    }

    /// The actions that the trail is told of, sorted.
    func actions() async throws -> [String] {
        try await house.house.worker.query(
            "select body::jsonb #>> '{header,audit,action}' as action from outbox where tenant_id = \(tenant)"
        ).compactMap { try $0.decodeOptional("action", as: String.self) }.sorted()
    }
}
