public import Logging
import Synchronization

import class Foundation.Thread

/// Speaks to addresses that tenants name: only to the public Internet, never further than told, and as many at once as there are, on one thread.
///
/// - The address of every socket is checked when it is opened, whatever a name meant before or means afterwards.
/// - Redirects are answers, not ways; no proxy, cookie or password comes from this machine.
/// - A server that is slow holds a socket and a few kilobytes, and nobody up.
///
/// Two tenants that name the same server may share a connection to it, one request after the other: nothing but TLS belongs to a connection, and
/// that knows no tenant.
public final class OutgoingHTTP: Sendable {
    private let mailbox: TransferMailbox

    /// `certificates` is a PEM file of authorities to trust besides the system's; empty for none. The thread ends with the last reference.
    public convenience init(
        reach: OutgoingReach, certificates: String = "", userAgent: String, limits: OutgoingLimits = OutgoingLimits(), logger: Logger
    ) throws(OutgoingError) {
        try self.init(
            TransferSettings(reach: reach, certificates: certificates, userAgent: userAgent, limits: limits, names: []), logger: logger)
    }

    init(_ settings: TransferSettings, logger: Logger) throws(OutgoingError) {
        let multi = try MultiHandle(keptConnections: settings.limits.keptConnections)
        let mailbox = TransferMailbox(multi: multi)
        self.mailbox = mailbox
        let thread = Thread { TransferLoop(mailbox: mailbox, settings: settings, logger: logger).run() }
        thread.name = "outgoing-http"
        thread.stackSize = 512 * 1024
        thread.start()
    }

    deinit {
        // Whoever posts holds a reference: nothing is under way.
        mailbox.finish()
    }

    /// As ``send(_:)``.
    public func post(_ request: OutgoingRequest) async throws(OutgoingError) -> OutgoingAnswer {
        try await send(request)
    }

    /// The server's answer, whatever its status. A cancelled task breaks the connection off and gets ``OutgoingError/Code/cancelled``.
    public func send(_ request: OutgoingRequest) async throws(OutgoingError) -> OutgoingAnswer {
        let number = mailbox.nextNumber()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                mailbox.put(.start(TransferOrder(number: number, request: request, continuation: continuation)))
                // One that came before the order found nothing to cancel.
                if Task.isCancelled { mailbox.put(.cancel(number)) }
            }
        } onCancel: {
            mailbox.put(.cancel(number))
        }
        return try result.get()
    }
}
