import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

extension DeliveryFixture {
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPFields
        let body: String
        let bytes: Int
    }

    /// A request of anybody; without a role of nobody who is signed in.
    func ask(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, as role: Role? = .owner, in workspaces: [WorkspaceID]? = nil,
        staff: StaffRole? = nil, apiKey: UUID? = nil, tenant: TenantID? = nil, headers more: HTTPFields = [:]
    ) async throws -> Answer {
        var headers: HTTPFields = [:]
        if let role {
            headers = try await house.identityHeader(tenant: tenant ?? self.tenant, role: role, workspaces: workspaces, staff: staff, apiKey: apiKey)
            headers[.contentType] = "application/json"
        }
        for field in more { headers[field.name] = field.value }
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                Answer(status: $0.status.code, headers: $0.headers, body: String(buffer: $0.body), bytes: $0.body.readableBytes)
            }
        }
    }

    /// One mail, and its send.
    @discardableResult
    func plan(one recipient: String, _ mailbox: MailboxID, key: String = UUID().text, edit: (inout DeliveryRPC.PlannedSend) -> Void = { _ in })
        async throws
        -> SendID
    {
        var request = plan(mailbox, [recipient])
        request.sends[0].sendKey = "campaign:\(key):1"
        // Due also where this test's clock runs ahead of the database's.
        request.sends[0].dueAt = Date(timeIntervalSince1970: 1_700_000_000)
        edit(&request.sends[0])
        let planned = request
        _ = try await rpc.call(planned)
        return try await database.query("select id from sends where tenant_id = \(tenant) and send_key = \(planned.sends[0].sendKey)")[0].decode("id")
    }

    /// A mail that was sent and accepted.
    func accepted(_ recipient: String, _ mailbox: MailboxID) async throws -> SendID {
        let send = try await plan(one: recipient, mailbox)
        let delivery = try #require(try await takeClaimed().first { $0.send == send })
        #expect(try await DataSentMarks(database: database).mark(delivery))
        try await write(delivery, .accepted(code: 250, text: "ok"))
        return send
    }

    func links() throws -> UnsubscribeLinks {
        try UnsubscribeLinks(keyring: house.house.keyring, baseURL: house.house.publicBaseURL)
    }

    /// The path of the way out of a mail.
    func leavingPath(_ send: SendID) throws -> String {
        try #require(URL(string: try links().link(tenant: tenant, send: send))).path()
    }

    /// The bodies of what was told, oldest first.
    func told(_ type: String) async throws -> [String] {
        try await database.query("select body from outbox where type = \(type) order by id").map { try $0.decode("body") }
    }
}
