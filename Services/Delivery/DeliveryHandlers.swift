import Contracts
import Primitives
import RPC
import ServiceRuntime

/// What other services may ask, as calls of features.
struct DeliveryHandlers {
    let enqueuer: Enqueuer
    let gates: SendGates
    let mailboxes: MailboxStore
    let suppressions: Suppressions
    let health: TransportHealthStore
    let jobs: JobStore
    let purge: Purge
    let eraser: RecipientEraser
    let withdrawal: Withdrawal
    let budgets: MailboxBudgets
    let reservations: ReservationReports
    let wakeup: Wakeup
    let clock: WallClock

    func add(to router: inout RPCRouter) {
        let (jobs, wakeup, clock) = (jobs, wakeup, clock)
        router.on(DeliveryRPC.EnqueueJobs.self) { request, _ in
            let result = try await jobs.enqueue(request, now: clock.now)
            wakeup.signal()
            return result
        }
        let (enqueuer, gates, mailboxes, suppressions, health) = (enqueuer, gates, mailboxes, suppressions, health)
        router.on(DeliveryRPC.EnqueueSends.self) { request, _ in try await enqueuer.enqueue(request) }
        router.on(DeliveryRPC.SetSendGate.self) { request, _ in
            try await gates.set(request)
            return Empty()
        }
        router.on(DeliveryRPC.ReadMailbox.self) { request, _ in
            guard let mailbox = try await mailboxes.find(request.mailbox, of: request.tenant) else {
                throw RPCError(kind: "mailbox_not_found", message: "The tenant has no such mailbox.")
            }
            return DeliveryRPC.Mailbox(mailbox)
        }
        router.on(DeliveryRPC.ReadMailboxes.self) { request, _ in
            guard request.mailboxes.count <= 200 else { throw RPCError(kind: "invalid_batch", message: "At most 200 mailboxes.") }
            return try await mailboxes.find(request.mailboxes, of: request.tenant).map(DeliveryRPC.Mailbox.init)
        }
        router.on(DeliveryRPC.FindSuppressed.self) { request, _ in
            guard request.addresses.count <= 500 else { throw RPCError(kind: "invalid_batch", message: "At most 500 addresses.") }
            return try await suppressions.find(request.addresses, tenant: request.tenant, workspace: request.workspace)
        }
        router.on(DeliveryRPC.SuppressRecipients.self) { request, _ in
            DeliveryRPC.Suppressed(added: try await suppressions.add(request))
        }
        router.on(DeliveryRPC.ReadTransportHealth.self) { _, _ in try await health.read() }
        let (withdrawal, budgets) = (withdrawal, budgets)
        router.on(DeliveryRPC.WithdrawSends.self) { request, _ in try await withdrawal.withdraw(request) }
        router.on(DeliveryRPC.ReadMailboxBudgets.self) { request, _ in try await budgets.read(request) }
        let reservations = reservations
        router.on(DeliveryRPC.ReadReservations.self) { request, _ in try await reservations.read(request) }
        let (purge, eraser) = (purge, eraser)
        router.on(DeliveryRPC.EraseRecipient.self) { request, _ in PurgeResult(isDone: try await eraser.erase(request)) }
        router.on(DeliveryRPC.Purge.self) { request, _ in PurgeResult(isDone: try await purge.purge(request)) }
    }
}

extension DeliveryRPC.Mailbox {
    fileprivate init(_ mailbox: Mailbox) {
        self.init(
            id: mailbox.id, workspace: mailbox.workspace, address: mailbox.address, displayName: mailbox.displayName, state: mailbox.state,
            stateReason: mailbox.stateReason)
    }
}

extension DeliveryHandlers {
    init(
        _ house: House, wakeup: Wakeup, queue: QueueFeature, gates: SendGates, suppressions: Suppressions, digests: AddressDigests,
        withdrawals: ConsentWithdrawals
    ) {
        self.init(
            enqueuer: queue.enqueuer, gates: gates, mailboxes: MailboxStore(database: house.api), suppressions: suppressions,
            health: TransportHealthStore(database: house.worker), jobs: JobStore(database: house.worker, counters: queue.enqueueCounters),
            purge: Purge(
                database: house.worker, counters: queue.otherCounters, plan: PlanPlaces(house: house), withdrawals: withdrawals,
                clock: house.clock),
            eraser: RecipientEraser(
                database: house.worker, digests: digests, counters: queue.otherCounters, outbox: house.outbox, clock: house.clock),
            withdrawal: Withdrawal(database: house.worker, counters: queue.otherCounters, outbox: house.outbox, clock: house.clock),
            budgets: MailboxBudgets(database: house.api), reservations: ReservationReports(database: house.api), wakeup: wakeup,
            clock: house.clock)
    }
}
