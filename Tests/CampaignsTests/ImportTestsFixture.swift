import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import TestSupport

@testable import Campaigns

/// What tests of imports need besides.
extension CampaignsFixture {
    /// A lead as the database has it.
    struct StoredLead {
        let id: LeadID
        let firstName: String?
        let custom: String
        let timeZone: String?
        let tags: [String]
        let status: String
        let revision: Int64
    }

    /// Posts a file; `query` begins with `&`.
    func upload(
        _ bytes: [UInt8], _ query: String = "", path: String = "imports", contentType: String = "text/csv", workspace: WorkspaceID? = nil
    ) async throws -> Answer {
        var headers = try await house.identityHeader(tenant: tenant)
        headers[.contentType] = contentType
        let sent = headers
        let uri = "/api/v1/\(path)?workspace=\(workspace ?? peers.workspace)\(query)"
        return try await house.withClient(service) { client in
            try await client.execute(uri: uri, method: .post, headers: sent, body: ByteBuffer(bytes: bytes)) {
                Answer(status: $0.status.code, body: String(buffer: $0.body))
            }
        }
    }

    func upload(_ text: String, _ query: String = "", path: String = "imports", workspace: WorkspaceID? = nil) async throws -> Answer {
        try await upload(Array(text.utf8), query, path: path, workspace: workspace)
    }

    /// The tenant's leads by address.
    func leads() async throws -> [String: StoredLead] {
        let rows = try await house.house.worker.query(
            """
            select id, email, first_name, custom::text as custom, time_zone, tags, status, revision from leads where tenant_id = \(tenant)
            """)
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (
                    try row.decode("email", as: String.self),
                    StoredLead(
                        id: try row.decode("id"), firstName: try row.decodeOptional("first_name"), custom: try row.decode("custom"),
                        timeZone: try row.decodeOptional("time_zone"), tags: try row.decode("tags"), status: try row.decode("status"),
                        revision: try row.decode("revision"))
                )
            })
    }

    /// The number that is kept, which is also how many there are.
    func leadCount() async throws -> Int64 {
        try await house.house.worker.query(
            "select coalesce((select leads from lead_counts where tenant_id = \(tenant)), 0) as n")[0].decode("n")
    }

    func makeList() async throws -> ListID {
        let list = ListID(UUID())
        try await house.house.worker.query(
            """
            insert into lists (tenant_id, id, workspace_id, name, created_at)
            values (\(tenant), \(list), \(peers.workspace), \(list.description), \(house.clock.clock.now))
            """)
        return list
    }

    /// The addresses on a list; its own count must agree.
    func members(of list: ListID) async throws -> (emails: Set<String>, count: Int64) {
        let rows = try await house.house.worker.query(
            """
            select l.email from list_members m join leads l on l.tenant_id = m.tenant_id and l.id = m.lead_id
            where m.tenant_id = \(tenant) and m.list_id = \(list)
            """)
        let count: Int64 = try await house.house.worker.query("select leads from lists where tenant_id = \(tenant) and id = \(list)")[0]
            .decode("leads")
        return (Set(try rows.map { try $0.decode("email", as: String.self) }), count)
    }

    func members(of workspace: WorkspaceID) async throws -> Set<String> {
        let rows = try await house.house.worker.query(
            """
            select l.email from lead_workspaces w join leads l on l.tenant_id = w.tenant_id and l.id = w.lead_id
            where w.tenant_id = \(tenant) and w.workspace_id = \(workspace)
            """)
        return Set(try rows.map { try $0.decode("email", as: String.self) })
    }

    /// A field of the company's own.
    func makeField(_ key: String, name: String, kind: String, choices: [String] = []) async throws {
        try await house.house.worker.query(
            """
            insert into custom_fields (tenant_id, id, key, name, kind, choices, created_at)
            values (\(tenant), \(UUID()), \(key), \(name), \(kind), \(choices), \(house.clock.clock.now))
            """)
    }

    /// An importer as the service has one, for bodies that come bit by bit.
    var importer: Importer {
        Importer(
            database: house.house.api, billing: house.house.peer(.billing), delivery: house.house.peer(.delivery), outbox: house.house.outbox,
            clock: house.clock.clock, logger: house.house.logger)
    }

    var identity: Identity {
        Identity(
            tenant: tenant, user: UserID(UUID()), name: "Test Person", role: .owner, isVerified: true, workspaces: nil, session: SessionID(UUID()))
    }
}

/// `text` as it may stand in a query.
func escaped(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
}

/// Numbers as an array: literals alone leave the compiler a choice.
func numbers(_ answer: CampaignsFixture.Answer, _ names: String...) -> [Int] {
    names.map { answer.number($0) }
}
