import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

extension DeliveryFixture {
    /// Mails under keys that name nobody.
    func mails(
        _ mailbox: MailboxID, to recipients: [String], workspace: WorkspaceID? = nil, reservation: ReservationID? = nil
    ) -> DeliveryRPC.EnqueueSends {
        DeliveryRPC.EnqueueSends(
            tenant: tenant,
            sends: recipients.map { recipient in
                DeliveryRPC.PlannedSend(
                    sendKey: "campaign:\(UUID().text):1", workspace: workspace ?? self.workspace, campaign: campaign, enrolment: EnrolmentID(UUID()),
                    mailbox: mailbox, recipient: recipient, recipientName: "Name of \(recipient)", subject: "Hello \(recipient)",
                    text: "You are \(recipient), are you not?", html: "<p>\(recipient)</p>", priority: 100, dueAt: house.clock.clock.now,
                    reservation: reservation)
            })
    }

    /// One call; true when it says that all is done.
    func eraseOnce(_ address: String, isOptedOut: Bool = false) async throws -> Bool {
        try await rpc.call(DeliveryRPC.EraseRecipient(tenant: tenant, address: address, isOptedOut: isOptedOut)).isDone
    }

    /// As the saga does; how many calls it took.
    @discardableResult
    func erase(_ address: String, isOptedOut: Bool = false) async throws -> Int {
        for call in 1...20 {
            if try await eraseOnce(address, isOptedOut: isOptedOut) { return call }
        }
        Issue.record("the erasure does not end")
        return 0
    }

    func suppressed(_ addresses: [String], in workspace: WorkspaceID? = nil) async throws -> [String] {
        try await rpc.call(
            DeliveryRPC.FindSuppressed(tenant: tenant, workspace: workspace ?? self.workspace, addresses: addresses)
        ).sorted()
    }

    /// Claims what is due and takes it into hands.
    func takeClaimed() async throws -> [Delivery] {
        try await DeliveryStore(database: database, lease: 30).take(entries(try await claim())).map(\.delivery)
    }

    func suppress(_ address: String, workspace: WorkspaceID?) async throws {
        try await database.query(
            """
            insert into suppressions (tenant_id, address, workspace_id, reason, source, created_at)
            values (\(tenant), \(address), \(workspace), 'bounced', 'test', now())
            """)
    }

    func number(_ sql: SQL) async throws -> Int { try await database.query(sql)[0].decode("n") }

    var suppressions: Suppressions {
        Suppressions(
            database: database, erased: ErasedOptOuts(digests: AddressDigests(keyring: house.house.keyring)), outbox: house.house.outbox,
            clock: house.clock.clock)
    }
}
