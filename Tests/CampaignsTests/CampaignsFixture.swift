import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import RPC
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Campaigns

/// The peers as Campaigns sees them: they remember what they were asked, and can lose answers or refuse.
final class Peers: Sendable {
    struct State {
        var reservations: [String: BillingRPC.Reservation] = [:]
        var sends: [String: DeliveryRPC.PlannedSend] = [:]
        var gates: [DeliveryRPC.SetSendGate] = []
        var suppressed: Set<String> = []
        /// Thrown after the effect, so many times: the answer was lost.
        var lostAnswers: [String: Int] = [:]
        var refusal: String?
        var mailboxState = "active"
        /// More mailboxes than the one that is always there, and what each may still send.
        var budgets: [MailboxID: DeliveryRPC.MailboxBudget] = [:]
        /// Mails that were taken back, by mode.
        var withdrawn: [String: DeliveryRPC.WithdrawSends.Mode] = [:]
        /// Keys that are claimed: too late to take them back.
        var claimed: Set<String> = []
        var postalAddress: String? = "1 Ice Road"
        var mailsPerPeriod: Int64 = 10_000
        var leadLimit: Int64 = 10_000
        var closedWorkspaces: Set<WorkspaceID> = []
        /// Reasons for which mail from the mailboxes' domain is not authenticated; empty when it is.
        var domainFaults: [DeliveryRPC.SendingDomains.Reason] = []
        var needsDomains = true
        /// In which traces mails were handed over.
        var traces: [String?] = []
    }

    let state = Mutex(State())
    let workspace = WorkspaceID(UUID())
    let mailbox = MailboxID(UUID())

    func lose(_ method: String, times: Int) {
        state.withLock { $0.lostAnswers[method] = times }
    }

    /// What Delivery would say of a mailbox; `waiting` follows from what was handed over.
    private func budget(_ mailbox: MailboxID) -> DeliveryRPC.MailboxBudget? {
        state.withLock { state in
            if let budget = state.budgets[mailbox] { return budget }
            guard mailbox == self.mailbox else { return nil }
            return DeliveryRPC.MailboxBudget(
                id: mailbox, workspace: workspace, address: "a@x.org", state: state.mailboxState, stateReason: nil, dailyLimit: nil, ramp: [],
                hourlyLimit: nil, gapSeconds: 0, opensAt: nil, usage: [], waiting: 0, health: 100)
        }
    }

    private func answer<Value>(_ method: String, _ value: Value) throws -> Value {
        let lost = state.withLock { state in
            guard let left = state.lostAnswers[method], left > 0 else { return false }
            state.lostAnswers[method] = left - 1
            return true
        }
        if lost { throw RPCError.unavailable("the answer was lost") }
        return value
    }

    var routers: [ServiceName: RPCRouter] {
        var auth = RPCRouter(service: .auth)
        auth.on(AuthRPC.ReadWorkspace.self) { request, _ in
            guard self.state.withLock({ !$0.closedWorkspaces.contains(request.workspace) }) else {
                throw RPCError(kind: "workspace_not_found", message: "The tenant has no such workspace.")
            }
            return AuthRPC.Workspace(id: request.workspace, name: "W", slug: "w", postalAddress: self.state.withLock { $0.postalAddress })
        }
        var billing = RPCRouter(service: .billing)
        billing.on(BillingRPC.ReadEntitlements.self) { _, _ in
            let (mails, leads) = self.state.withLock { ($0.mailsPerPeriod, $0.leadLimit) }
            return BillingRPC.Entitlements(
                plan: "starter", access: .full, periodStart: Date(), periodEnd: Date().addingTimeInterval(86_400), mailsPerPeriod: mails,
                mailsUsed: 0, mailsReserved: 0, users: 2, workspaces: 3, domains: 5, mailboxes: 10, leads: leads)
        }
        billing.on(BillingRPC.ReserveMail.self) { request, _ in
            if let kind = self.state.withLock({ $0.refusal }) { throw RPCError(kind: kind, message: "refused") }
            let reservation = self.state.withLock { state in
                let known =
                    state.reservations[request.key]
                    ?? BillingRPC.Reservation(
                        id: ReservationID(UUID()), count: request.count, used: 0, released: 0, periodEnd: Date())
                state.reservations[request.key] = known
                return known
            }
            return try self.answer("reserve", reservation)
        }
        var delivery = RPCRouter(service: .delivery)
        delivery.on(DeliveryRPC.ReadMailbox.self) { request, _ in
            guard request.mailbox == self.mailbox || self.state.withLock({ $0.budgets[request.mailbox] != nil }) else {
                throw RPCError(kind: "mailbox_not_found", message: "no")
            }
            return DeliveryRPC.Mailbox(
                id: request.mailbox, workspace: self.workspace, address: "a@x.org", displayName: "A",
                state: self.state.withLock { $0.mailboxState }, stateReason: nil)
        }
        delivery.on(DeliveryRPC.ReadMailboxes.self) { request, _ in
            request.mailboxes.compactMap { self.budget($0) }.map {
                DeliveryRPC.Mailbox(
                    id: $0.id, workspace: $0.workspace, address: $0.address, displayName: "A", state: $0.state, stateReason: nil)
            }
        }
        delivery.on(DeliveryRPC.ReadMailboxBudgets.self) { request, _ in
            request.mailboxes.compactMap { self.budget($0) }
        }
        delivery.on(DeliveryRPC.CheckSendingDomains.self) { request, _ in
            let (faults, isRequired) = self.state.withLock { ($0.domainFaults, $0.needsDomains) }
            let senders = request.mailboxes.compactMap { self.budget($0) }.map {
                DeliveryRPC.SendingDomains.Sender(mailbox: $0.id, domain: "x.org", isAuthenticated: faults.isEmpty, reasons: faults)
            }
            return try self.answer("domains", DeliveryRPC.SendingDomains(isRequired: isRequired, senders: senders))
        }
        delivery.on(DeliveryRPC.WithdrawSends.self) { request, _ in
            let answer = self.state.withLock { state in
                let known = request.sendKeys.filter { state.sends[$0] != nil }
                let late = known.filter { state.claimed.contains($0) }
                let back = known.filter { !state.claimed.contains($0) }
                for key in back {
                    state.withdrawn[key] = request.mode
                    if request.mode == .recall { state.sends[key] = nil }
                }
                return DeliveryRPC.Withdrawal(
                    withdrawn: back, unknown: request.sendKeys.filter { !known.contains($0) }, tooLate: late)
            }
            return try self.answer("withdraw", answer)
        }
        delivery.on(DeliveryRPC.FindSuppressed.self) { request, _ in
            try self.answer("suppressed", self.state.withLock { state in request.addresses.filter(state.suppressed.contains) })
        }
        delivery.on(DeliveryRPC.EnqueueSends.self) { request, context in
            self.state.withLock { $0.traces.append(context.traceparent) }
            guard request.sends.count <= 500 else { throw RPCError(kind: "invalid_batch", message: "too many") }
            let fresh = self.state.withLock { state in
                request.sends.count { send in
                    defer { state.sends[send.sendKey] = state.sends[send.sendKey] ?? send }
                    return state.sends[send.sendKey] == nil
                }
            }
            return try self.answer("enqueue", DeliveryRPC.EnqueueResult(enqueued: fresh, known: request.sends.count - fresh))
        }
        delivery.on(DeliveryRPC.SetSendGate.self) { request, _ in
            self.state.withLock { $0.gates.append(request) }
            return Empty()
        }
        return [.auth: auth, .billing: billing, .delivery: delivery]
    }
}

/// Campaigns on a real database beside those peers.
struct CampaignsFixture: Sendable {
    let peers: Peers
    let house: TestHouse
    let service: CampaignsService
    let tenant = TenantID(UUID())

    static func make() async throws -> CampaignsFixture {
        let peers = Peers()
        let house = try await TestHouse.make(for: CampaignsService.self, peers: peers.routers)
        return CampaignsFixture(peers: peers, house: house, service: try await CampaignsService(house.house))
    }

    struct Answer: Sendable {
        let status: Int
        let body: String

        func member(_ name: String) -> Any? {
            ((try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any])?[name]
        }

        func text(_ name: String) -> String { member(name) as? String ?? "" }
        func number(_ name: String) -> Int { member(name) as? Int ?? -1 }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, contentType: String = "application/json", tenant: TenantID? = nil,
        role: Role = .owner, isVerified: Bool = true, ifMatch: String? = nil
    ) async throws -> Answer {
        var headers = try await house.identityHeader(tenant: tenant ?? self.tenant, role: role, isVerified: isVerified)
        headers[.contentType] = contentType
        headers[.ifMatch] = ifMatch
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                Answer(status: $0.status.code, body: String(buffer: $0.body))
            }
        }
    }

    func importLeads(_ csv: String, duplicates: String = "skip") async throws -> Answer {
        try await send(.post, "/api/v1/imports?workspace=\(peers.workspace)&duplicates=\(duplicates)", csv, contentType: "text/csv")
    }

    static let template = #"{"workspace":"W","name":"T","subject":"Hi {{first_name|there}}","text":"{{postal_address}} {{unsubscribe_url}}"}"#

    /// A draft over `leads` leads.
    func campaign(leads: Int, template: String = Self.template) async throws -> String {
        let rows = (0..<leads).map { "lead\($0)@x.org,Name\($0)" }.joined(separator: "\n")
        if leads > 0 { _ = try await importLeads("email,first_name\n\(rows)\n") }
        let made = try await send(.post, "/api/v1/templates", template.replacing("\"W\"", with: "\"\(peers.workspace)\""))
        let body = #"{"workspace":"\#(peers.workspace)","name":"C","template":"\#(made.text("id"))","mailbox":"\#(peers.mailbox)"}"#
        return try await send(.post, "/api/v1/campaigns", body).text("id")
    }

    func progress(_ campaign: String) async throws -> Answer {
        try await send(.get, "/api/v1/campaigns/\(campaign)/progress")
    }

    /// Works until there is nothing left to do, through failures, as the loop does.
    func handOverAll() async throws {
        for _ in 0..<200 {
            do {
                if try await !service.handOver.step() { return }
            } catch is RPCError {
                // As if a minute went by: whoever died leaves its batches and sweeps to others.
                house.clock.advance(by: .seconds(61))
                try await house.house.worker.query("update hand_overs set locked_until = now() where state = 'open'")
                try await house.house.worker.query("update campaigns set sweep_lease = now() where sweeping is not null")
            }
        }
    }

    /// Says what became of every mail that was handed over.
    func resolve(_ state: DeliveryEvents.SendState, version: Int64, where condition: (DeliveryRPC.PlannedSend) -> Bool = { _ in true }) async throws {
        let at = house.clock.clock.now
        let resolved = peers.state.withLock { $0.sends.values.filter(condition) }.map { send in
            DeliveryEvents.ResolvedSend(
                sendKey: send.sendKey, version: version, campaign: send.campaign, enrolment: send.enrolment, state: state, code: nil, at: at)
        }
        try await tell(DeliveryEvents.SendsResolved(sends: resolved))
    }

    /// Says what people did with mails.
    func feel(
        _ kind: DeliveryEvents.FeedbackKind, isMachine: Bool = false, where condition: (DeliveryRPC.PlannedSend) -> Bool
    ) async throws {
        let at = house.clock.clock.now
        let feedback = peers.state.withLock { $0.sends.values.filter(condition) }.map { send in
            DeliveryEvents.Feedback(
                kind: kind, sendKey: send.sendKey, campaign: send.campaign, enrolment: send.enrolment, isMachine: isMachine, at: at)
        }
        try await tell(DeliveryEvents.FeedbackReceived(feedback: feedback))
    }

    func tell(_ event: some Event) async throws {
        let pending = try PendingEvent(event, at: house.clock.clock.now, tenant: tenant, actor: .system("delivery"))
        let received = try ReceivedEvent(body: Array(pending.body.utf8))
        let listener = DeliveryListener(outbox: house.house.outbox, clock: house.clock.clock)
        try await house.house.worker.transaction { try await listener.hear([received], in: $0) }
    }

    /// Mails that Delivery has, by the step of their key.
    func mails(step: Int) -> [DeliveryRPC.PlannedSend] {
        peers.state.withLock { $0.sends.values.filter { $0.sendKey.hasSuffix(":\(step)") } }.sorted { $0.recipient < $1.recipient }
    }

    func template(_ text: String = "x", subject: String = "Hi {{first_name|there}}") async throws -> String {
        let body = try WireJSON.encoder().encode([
            "workspace": peers.workspace.description, "name": "T", "subject": subject, "text": "\(text) {{postal_address}} {{unsubscribe_url}}",
        ])
        return try await send(.post, "/api/v1/templates", String(decoding: body, as: UTF8.self)).text("id")
    }

    /// A draft over `leads` leads with these members in its JSON; `T` stands for the identifier of a template of its own, `M` for the mailbox.
    func draft(leads: Int, _ members: String) async throws -> String {
        let rows = (0..<leads).map { "lead\($0)@x.org,Name\($0)" }.joined(separator: "\n")
        if leads > 0 { _ = try await importLeads("email,first_name\n\(rows)\n") }
        let made = try await template()
        let body = #"{"workspace":"\#(peers.workspace)","name":"C",\#(members)}"#
            .replacing("\"T\"", with: "\"\(made)\"").replacing("\"M\"", with: "\"\(peers.mailbox)\"")
        let answer = try await send(.post, "/api/v1/campaigns", body)
        if answer.status != 201 { Issue.record("\(answer.body)") }
        return answer.text("id")
    }

    func launch(_ campaign: String) async throws {
        let answer = try await send(.post, "/api/v1/campaigns/\(campaign)/launch")
        if answer.status != 202 { Issue.record("\(answer.body)") }
    }
}
