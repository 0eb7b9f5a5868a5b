import Contracts
import Foundation
import Logging
import Mail
import NIOCore
import Primitives

/// Sends one mailbox's mail, first in first out, over a few connections that it keeps and uses again.
///
/// The actor lives on the event loop of its connections, so that a reply needs no change of thread to become the next mail.
actor MailboxLane {
    /// What a lane works with, the same for all.
    struct Tools: Sendable {
        let eventLoops: any EventLoopGroup
        let connector: SMTPConnector
        let composer: MessageComposer
        let signing: MailSigning
        let marks: DataSentMarks
        let outcomes: Outcomes
        let keyring: Keyring
        let tokens: AccessTokens
        let connections: Int
        let idleTime: Duration
        let load: Load
        let destinations: DestinationSlots
        /// Nil: nobody sends directly here.
        var direct: DirectTransport?
        let metrics: DeliveryMetrics
        let clock: WallClock
        let logger: Logger
        var tracer = Tracer.silent
    }

    private let tools: Tools
    private let eventLoop: any EventLoop
    private let executor: any SerialExecutor
    private let taskExecutor: EventLoopTaskExecutor
    private var mailbox: SendingMailbox
    private var waiting: [Delivery] = []
    private var senders = 0
    private var idle: [(connection: SMTPConnection, since: ContinuousClock.Instant, version: Int64)] = []
    /// Set when the server refused the mailbox: what waits is given back until its settings change.
    private var refusedVersion: Int64?
    private var stopping = false

    /// A mail that was not begun for so long goes back: what is counted against its mailbox is the minute of the claim.
    static let patience = Duration.seconds(60)

    init(_ mailbox: SendingMailbox, tools: Tools) {
        self.mailbox = mailbox
        self.tools = tools
        eventLoop = tools.eventLoops.next()
        executor = eventLoop.executor
        taskExecutor = EventLoopTaskExecutor(eventLoop)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Takes mail in; returns at once.
    func submit(_ deliveries: [Delivery], of mailbox: SendingMailbox) {
        self.mailbox = mailbox
        for delivery in deliveries {
            // Behind everything that is as urgent; most come in order already.
            let place = waiting.lastIndex { $0.priority <= delivery.priority }.map { $0 + 1 } ?? 0
            waiting.insert(delivery, at: place)
        }
        startSenders()
    }

    private func startSenders() {
        while senders < min(tools.connections, waiting.count) {
            senders += 1
            Task(executorPreference: taskExecutor) { await self.work() }
        }
    }

    /// The next mail whose destination has room, or that is to be given back. Mail to a destination without room lets what is behind it pass, and
    /// is looked at again when there is some: nobody sleeps on it.
    private func next() -> (delivery: Delivery, slot: String?, isReturned: Bool)? {
        let slots = slots
        for index in waiting.indices {
            let delivery = waiting[index]
            if isToBeReturned(delivery) { return (waiting.remove(at: index), nil, true) }
            guard let destination = delivery.destination else { return (waiting.remove(at: index), nil, false) }
            let hasSlot = slots.take(destination, for: ObjectIdentifier(self)) { [taskExecutor] in
                Task(executorPreference: taskExecutor) { await self.startSenders() }
            }
            if hasSlot { return (waiting.remove(at: index), destination, false) }
        }
        return nil
    }

    private var slots: DestinationSlots {
        mailbox.isDirect ? tools.direct?.slots ?? tools.destinations : tools.destinations
    }

    private func isToBeReturned(_ delivery: Delivery) -> Bool {
        stopping || refusedVersion == mailbox.version || ContinuousClock.now - delivery.claimedAt > Self.patience
            || delivery.isClosed(at: tools.clock.now)
    }

    /// Gives back what waits and closes what is idle; returns when the mails on the wire have their answers.
    func stop() async {
        stopping = true
        while senders > 0 { try? await Task.sleep(for: .milliseconds(10)) }
        // What had no room on the wire had no sender either.
        for delivery in waiting { tools.outcomes.record(.handedBack, of: delivery) }
        waiting = []
        for entry in idle { await entry.connection.quit() }
        idle = []
    }

    /// Closes connections that nobody has used for a while.
    func closeIdle() async {
        let cut = ContinuousClock.now - tools.idleTime
        let old = idle.filter { $0.since < cut }
        idle.removeAll { $0.since < cut }
        for entry in old { await entry.connection.quit() }
    }

    private func work() async {
        /// With the version of the settings that it was opened with.
        var connection: (SMTPConnection, version: Int64)?
        while true {
            // Given back where it was taken, also when the mailbox' settings change meanwhile.
            let slots = slots
            guard let (delivery, slot, isReturned) = next() else { break }
            defer { if let slot { slots.release(slot) } }
            let current = mailbox
            if isReturned {
                tools.outcomes.record(.handedBack, of: delivery)
                continue
            }
            tools.metrics.wait.record(since: delivery.claimedAt)
            if let (old, version) = connection, version != current.version {
                connection = nil
                await old.quit()
            }
            let available = connection?.0 ?? takeIdle(current.version)
            let (attempt, kept) = await tools.metrics.send.measure {
                await traced(delivery, from: current, over: available)
            }
            connection = kept.map { ($0, current.version) }
            if case .mailboxRefused(let reason) = attempt.result {
                refusedVersion = current.version
                await tools.outcomes.stop(current, reason: reason)
            }
            tools.outcomes.record(attempt.result, of: delivery, transcript: attempt.transcript)
        }
        if let (connection, version) = connection { idle.append((connection, .now, version)) }
        senders -= 1
    }

    /// One try as a step of the trace in which the mail was asked for. The trace ends here: nothing of it is in the mail.
    private func traced(_ delivery: Delivery, from mailbox: SendingMailbox, over kept: SMTPConnection?) async -> (Attempt, SMTPConnection?) {
        guard let trace = delivery.trace else { return await deliver(delivery, from: mailbox, over: kept) }
        return await tools.tracer.span("mail.send", .client, continuing: trace) { span in
            let (attempt, connection) = await deliver(delivery, from: mailbox, over: kept)
            let result = attempt.result
            if span.isRecording {
                span["network.protocol.name"] = .text("smtp")
                span["server.address"] = .text(mailbox.isDirect ? "direct" : mailbox.server.host)
                span["penguin.send"] = .text("\(delivery.send)")
                span["penguin.attempt"] = .number(Int64(delivery.attempt))
                span["penguin.result"] = .text(result.kind.rawValue)
                if let code = result.code { span["smtp.reply_code"] = .number(Int64(code)) }
                if result.kind != .accepted { span.fail(result.kind.rawValue) }
            }
            // Of mails that a person's own request asked for; those of campaigns are too many for a line each.
            tools.logger.log(
                level: delivery.campaign == nil ? .info : .debug, "mail tried",
                metadata: [
                    "send": "\(delivery.send)", "attempt": "\(delivery.attempt)", "result": "\(result.kind.rawValue)",
                    "code": "\(result.code.map(String.init) ?? "-")",
                ])
            return (attempt, connection)
        }
    }

    /// A connection with the settings of today; those with older ones are closed by their last reference.
    private func takeIdle(_ version: Int64) -> SMTPConnection? {
        idle.removeAll { $0.version != version }
        return idle.popLast()?.connection
    }

    /// How a try ended, with what was said where it did not end well.
    private struct Attempt {
        let result: DeliveryResult
        var transcript: String?

        init(_ result: DeliveryResult, transcript: String? = nil) {
            self.result = result
            self.transcript = transcript
        }

        init(_ error: SMTPError) {
            result = DeliveryResult(error)
            transcript = error.transcript.map { "\($0)" }
        }
    }

    /// One try; gives the connection back when it can be used again. A kept connection that the server closed meanwhile is replaced once.
    private func deliver(
        _ delivery: Delivery, from mailbox: SendingMailbox, over kept: SMTPConnection?
    ) async -> (Attempt, SMTPConnection?) {
        let envelope: SMTPEnvelope
        var message: [UInt8]
        let sender: MailAddress
        do {
            message = try tools.composer.compose(delivery, from: mailbox)
            sender = try MailAddress(mailbox.address)
            envelope = SMTPEnvelope(sender: sender, recipients: [try MailAddress(delivery.recipient)])
        } catch {
            // About what it says, and nothing about the address.
            return (Attempt(.refused(code: 554, text: "5.6.0 the mail cannot be written: \(error)")), kept)
        }
        do {
            let composed = message
            message = try await tools.metrics.sign.measure {
                try await tools.signing.signed(composed, of: delivery.tenant, from: sender.domain)
            }
        } catch {
            // Unsigned, it might be taken for a forgery; nothing is lost by waiting.
            tools.logger.warning("mail not signed", metadata: ["send": "\(delivery.send)", "error": "\(error)"])
            return (Attempt(.postponed(text: "the mail could not be signed yet")), kept)
        }
        if mailbox.isDirect { return (await sendDirectly(envelope, message, delivery, mailbox), nil) }
        if let kept, await kept.isReusable {
            let (attempt, connection) = await send(envelope, message, delivery, over: kept)
            if case .unreachable = attempt.result, connection == nil {} else { return (attempt, connection) }
        }
        do {
            return await send(envelope, message, delivery, over: try await connect(mailbox))
        } catch let error as SMTPError {
            return (Attempt(error), nil)
        } catch AccessTokenError.consentLost(let words) {
            return (Attempt(.mailboxRefused(text: words)), nil)
        } catch {
            // Nobody's fault whose mail it is: nothing is counted against the mailbox.
            tools.logger.info("mail waits for an access token", metadata: ["send": "\(delivery.send)", "error": "\(error)"])
            return (Attempt(.postponed(text: "there is no access token for the mailbox at the moment")), nil)
        }
    }

    private func connect(_ mailbox: SendingMailbox) async throws -> SMTPConnection {
        guard mailbox.kind == .basic else {
            return try await tools.tokens.signIn(to: mailbox.id, of: mailbox.tenant, refusal: Self.refusal) { token in
                try await tools.connector.connect(mailbox.server, .accessToken(username: mailbox.username, token: token), eventLoop)
            }
        }
        guard !mailbox.username.isEmpty else { return try await tools.connector.connect(mailbox.server, nil, eventLoop) }
        let password: Data
        do {
            password = try tools.keyring.open(mailbox.passwordSealed, for: SendingMailbox.place(mailbox.id, of: mailbox.tenant))
        } catch {
            throw SMTPError(.invalidConfiguration, stage: .auth, message: "the mailbox's password cannot be read; enter it again")
        }
        let credentials = SMTPCredentials.password(username: mailbox.username, password: String(decoding: password, as: UTF8.self))
        return try await tools.connector.connect(mailbox.server, credentials, eventLoop)
    }

    /// The server's words where it does not take the credentials; nil for any other error.
    private static func refusal(_ error: any Error) -> String? {
        guard let error = error as? SMTPError, error.code == .authenticationFailed, !error.isTransient else { return nil }
        return error.reply.map { "\($0)" } ?? error.message
    }

    private func send(
        _ envelope: SMTPEnvelope, _ message: [UInt8], _ delivery: Delivery, over connection: SMTPConnection
    ) async -> (Attempt, SMTPConnection?) {
        let clock = tools.clock
        do throws(SMTPError) {
            let outcome = try await connection.send(envelope: envelope, message: message, beforeData: beforeData(of: delivery))
            FaultPoint.pass(.afterReply)
            let result = DeliveryResult(outcome)
            var attempt = Attempt(result)
            if case .accepted = result {} else { attempt.transcript = await "\(connection.transcript)" }
            return (attempt, await connection.isReusable ? connection : nil)
        } catch {
            await connection.close()
            // Its hours ended before its body was begun: not the server's fault.
            if !error.bodyMayHaveBeenSent, delivery.isClosed(at: clock.now) { return (Attempt(.handedBack), nil) }
            return (Attempt(error), nil)
        }
    }

    /// Marks the mail as about to leave, or withdraws it.
    private func beforeData(of delivery: Delivery) -> @Sendable () async throws -> Void {
        let (marks, clock) = (tools.marks, tools.clock)
        return {
            FaultPoint.pass(.beforeMark)
            let isInTime = ContinuousClock.now - delivery.claimedAt < Self.patience && !delivery.isClosed(at: clock.now)
            guard isInTime, try await marks.mark(delivery) else { throw ClaimLost() }
            FaultPoint.pass(.afterMark)
        }
    }

    /// To the recipient's own servers, over connections that all mailboxes share.
    private func sendDirectly(_ envelope: SMTPEnvelope, _ message: [UInt8], _ delivery: Delivery, _ mailbox: SendingMailbox) async -> Attempt {
        guard let direct = tools.direct, let recipient = envelope.recipients.first else {
            return Attempt(.mailboxRefused(text: "sending directly is not offered here any more; connect the mailbox to an SMTP server"))
        }
        let mail = DirectTransport.Mail(envelope: envelope, message: message, domain: recipient.domain, mailbox: mailbox.id)
        let sent = await direct.send(mail, on: eventLoop, beforeData: beforeData(of: delivery))
        FaultPoint.pass(.afterReply)
        return Attempt(sent.result, transcript: sent.transcript)
    }
}
