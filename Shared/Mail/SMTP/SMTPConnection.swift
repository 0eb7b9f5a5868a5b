import NIOCore

/// One conversation with a mail server, for many messages one after the other.
///
/// The actor lives on the event loop of its socket, so claiming a reply and writing the command are one step.
public actor SMTPConnection {
    /// What the server offers on this connection, after encryption where there is any.
    public internal(set) var capabilities = SMTPCapabilities()

    let server: SMTPServer
    let channel: any Channel
    let handler: NIOLoopBound<SMTPChannelHandler>
    private let executor: any SerialExecutor
    private var isBusy = false
    /// The greeting and the rest of the beginning belong to the first message.
    private var isFirst = true
    /// The last message did not end in a verdict on its content, so the server may still hold its envelope.
    private var needsReset = false

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(server: SMTPServer, channel: any Channel, handler: NIOLoopBound<SMTPChannelHandler>) {
        self.server = server
        self.channel = channel
        self.handler = handler
        executor = channel.eventLoop.executor
    }

    deinit {
        channel.close(promise: nil)
    }

    /// Whether another message can be sent; a server may still close while nobody looks.
    public var isReusable: Bool { !isBusy && handler.value.isOpen }

    /// What was said since the last message before the current one.
    public var transcript: SMTPTranscript { handler.value.transcript }

    /// Sends one message and returns the server's verdict.
    ///
    /// `beforeData` runs when the server has taken the envelope and asks for the content; no byte of `message` leaves before it has returned,
    /// none at all when it throws. After a verdict the connection can be used again; after an error it is closed, unless the message itself was
    /// at fault (``SMTPError/Code/messageTooLarge``, ``SMTPError/Code/extensionUnavailable``). Cancelling the task closes it too.
    public func send(
        envelope: SMTPEnvelope, message: [UInt8], beforeData: @Sendable () async throws -> Void = {}
    ) async throws(SMTPError) -> SMTPOutcome {
        guard !envelope.recipients.isEmpty else {
            throw SMTPError(.invalidConfiguration, stage: .rcpt, message: "the message has no recipient")
        }
        guard !isBusy else {
            throw SMTPError(.connectionBusy, stage: .mail, message: "another message is under way on this connection")
        }
        isBusy = true
        defer { isBusy = false }
        if !isFirst { handler.value.clearTranscript() }
        isFirst = false
        let mail = try SMTPCommand.mail(envelope, message: message, capabilities: capabilities)
        let commands = (needsReset ? [.reset] : []) + [mail] + envelope.recipients.map(SMTPCommand.recipient) + [.data]
        return try await closingOnFailure { () async throws(SMTPError) in
            var transaction = SMTPTransaction(envelope)
            self.needsReset = true
            try await self.announce(commands, in: &transaction)
            if let refusal = try transaction.refusal() {
                await self.endData(of: transaction)
                return refusal
            }
            let outcome = try await self.transfer(message, in: transaction, beforeData: beforeData)
            self.needsReset = false
            return outcome
        }
    }

    /// Takes leave and closes; never fails, and never waits longer than the time-out for it.
    public func quit() async {
        guard isReusable else { return close() }
        isBusy = true
        _ = try? await reply(to: handler.value.send([.quit])[0], at: .quit)
        handler.value.finish()
    }

    /// Closes at once; a message under way fails as cancelled.
    public func close() {
        handler.value.abort(.cancelled, "the connection was closed by its owner")
    }

    // MARK: - A message's three steps

    /// MAIL, RCPT and DATA: in one write where the server allows it.
    private func announce(_ commands: [SMTPCommand], in transaction: inout SMTPTransaction) async throws(SMTPError) {
        let places = capabilities.pipelining ? handler.value.send(commands) : nil
        for (index, command) in commands.enumerated() {
            do throws(SMTPError) {
                let place = places?[index] ?? handler.value.send([command])[0]
                transaction.record(try await reply(to: place, at: command.stage), for: command.stage)
            } catch {
                // A server may hang up on its refusal; the refusal is the better answer.
                if try transaction.refusal() != nil { return }
                throw error
            }
            if places == nil, try transaction.refusal() != nil { return }
        }
    }

    /// Leaves DATA where the server opened it for nobody (RFC 2920, 3.1): its verdict on no message is of no interest.
    private func endData(of transaction: SMTPTransaction) async {
        guard transaction.isDataOpen else { return }
        if transaction.hasRecipient {
            // MAIL was refused, yet a recipient taken: a dot might deliver an empty message.
            handler.value.abort(.protocolViolation, "the server refused the sender and took a recipient")
        } else {
            _ = try? await reply(to: handler.value.send([.loneDot])[0], at: .data)
        }
    }

    private func transfer(
        _ message: [UInt8], in transaction: SMTPTransaction, beforeData: @Sendable () async throws -> Void
    ) async throws(SMTPError) -> SMTPOutcome {
        let bytes = DotStuffing.stuffed(message)
        do {
            try await beforeData()
        } catch {
            // DATA cannot be taken back but by hanging up: even a lone dot would be a message.
            throw SMTPError(.abandoned, stage: .data, message: "the message was withdrawn before its content was sent", underlying: error)
        }
        return try transaction.outcome(try await reply(to: handler.value.sendBody(bytes), at: .body))
    }
}

// MARK: - Replies

extension SMTPConnection {
    /// One command, one reply.
    func exchange(_ command: SMTPCommand) async throws(SMTPError) -> SMTPReply {
        try await reply(to: handler.value.send([command])[0], at: command.stage)
    }

    /// The reply, or an error when it is 421 or none will come.
    func reply(to place: EventLoopFuture<SMTPReply>, at stage: SMTPStage) async throws(SMTPError) -> SMTPReply {
        // On this actor's own thread, unlike `get()`: replies that came together are then read together.
        let result = await withCheckedContinuation { continuation in
            place.assumeIsolated().whenComplete { continuation.resume(returning: $0) }
        }
        let reply: SMTPReply
        switch result {
        case .success(let value): reply = value
        case .failure(let error): throw error as? SMTPError ?? SMTPError(.connectionLost, stage: stage, message: "\(error)")
        }
        guard reply.code != 421 else {
            throw SMTPError(.connectionClosing, stage: stage, message: "the server is closing the connection", reply: reply)
        }
        return reply
    }

    /// After an error, or when the task is cancelled, nobody knows what the server expects next: the connection is closed.
    func closingOnFailure<Value: Sendable>(
        _ operation: () async throws(SMTPError) -> Value
    ) async throws(SMTPError) -> Value {
        let (channel, handler) = (channel, handler)
        do {
            return try await withTaskCancellationHandler(operation: operation) {
                channel.eventLoop.execute { handler.value.abort(.cancelled, "the task was cancelled") }
            }
        } catch {
            var failure = error as? SMTPError ?? SMTPError(.connectionLost, stage: .connect, message: "\(error)")
            failure.transcript = handler.value.transcript
            handler.value.abort(failure.code, failure.message)
            throw failure
        }
    }
}
