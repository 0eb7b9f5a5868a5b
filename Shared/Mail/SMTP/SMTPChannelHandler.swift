import NIOCore
import NIOSSL

/// The socket's side of a connection: gives each reply to the command that is next in line for one.
///
/// Lives on its channel's event loop and is touched nowhere else.
final class SMTPChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Someone waiting for a reply.
    private struct Place {
        let stage: SMTPStage
        let promise: EventLoopPromise<SMTPReply>
    }

    /// Why the connection is over.
    private struct Ending {
        let code: SMTPError.Code
        let message: String
        var reply: SMTPReply?
    }

    /// The reply that the server owes before it was asked anything.
    let greeting: EventLoopFuture<SMTPReply>

    private let eventLoop: any EventLoop
    private let timeouts: SMTPTimeouts
    private var context: ChannelHandlerContext?
    private var parser = SMTPReplyParser()
    private var places: CircularBuffer<Place> = []
    /// When the server must have answered, and how long it had.
    private var deadline: (at: NIODeadline, limit: Duration)?
    private var timer: (scheduled: Scheduled<Void>, at: NIODeadline)?
    private var ending: Ending?
    private(set) var transcript = SMTPTranscript()
    /// Part of the message, and so its final dot, has stayed here.
    private var bodyStayedHere = false

    init(eventLoop: any EventLoop, timeouts: SMTPTimeouts) {
        self.eventLoop = eventLoop
        self.timeouts = timeouts
        let place = Place(stage: .greeting, promise: eventLoop.makePromise())
        greeting = place.promise.futureResult
        places.append(place)
    }

    /// Whether the server still listens, as far as one can know.
    var isOpen: Bool { ending == nil && context != nil }

    func clearTranscript() {
        transcript.clear()
    }

    // MARK: - Sending

    /// Writes all `commands` at once and claims a place for each reply, in this turn of the event loop.
    func send(_ commands: [SMTPCommand]) -> [EventLoopFuture<SMTPReply>] {
        var bytes = ByteBuffer()
        for command in commands {
            bytes.writeString(command.line)
            bytes.writeStaticString("\r\n")
            transcript.record(command)
        }
        return write(bytes, claiming: commands.map(\.stage), promise: nil)
    }

    /// Writes a message in the form of ``DotStuffing``; its reply has all the time again once the last byte has left.
    func sendBody(_ bytes: ByteBuffer) -> EventLoopFuture<SMTPReply> {
        let written = eventLoop.makePromise(of: Void.self)
        bodyStayedHere = false
        transcript.recordBody(bytes: bytes.readableBytes)
        written.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success: self.restartTimer()
            case .failure: self.bodyStayedHere = true
            }
        }
        return write(bytes, claiming: [.body], promise: written)[0]
    }

    private func write(_ bytes: ByteBuffer, claiming stages: [SMTPStage], promise: EventLoopPromise<Void>?) -> [EventLoopFuture<SMTPReply>] {
        let claimed = stages.map { Place(stage: $0, promise: eventLoop.makePromise()) }
        guard let context, isOpen else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            claimed.forEach(fail)
            return claimed.map(\.promise.futureResult)
        }
        let wasIdle = places.isEmpty
        places.append(contentsOf: claimed)
        if wasIdle { restartTimer() }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
        return claimed.map(\.promise.futureResult)
    }

    // MARK: - TLS

    static func tlsHandler(_ trust: SMTPTrust, host: String) throws -> NIOSSLClientHandler {
        // Addresses cannot be named in SNI; the certificate is then checked against the address itself.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: trust.context, serverHostname: isAddress ? nil : host)
    }

    /// Encrypts from here on; refuses when the server has already said more than its reply to STARTTLS.
    func startTLS(_ trust: SMTPTrust, host: String) throws(SMTPError) {
        try startTLS { () throws in try Self.tlsHandler(trust, host: host) }
    }

    /// As ``startTLS(_:host:)``, with a handler of the caller's own.
    func startTLS(_ make: () throws -> NIOSSLClientHandler) throws(SMTPError) {
        guard parser.isEmpty else {
            abort(.protocolViolation, "the server sent unencrypted data after its reply to STARTTLS")
            throw error(at: .starttls)
        }
        guard let context, isOpen else { throw error(at: .starttls) }
        do {
            try context.pipeline.syncOperations.addHandler(try make(), position: .first)
        } catch {
            throw SMTPError(.tlsFailed, stage: .starttls, message: "\(error)")
        }
    }

    // MARK: - Ending

    /// Closes at once, without the courtesies of TLS; everyone who waits gets this error when the socket is closed.
    func abort(_ code: SMTPError.Code, _ message: String) {
        if ending == nil { ending = Ending(code: code, message: message) }
        guard let context else { return }
        if let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
            tls.close(promise: nil)
        } else {
            context.close(promise: nil)
        }
    }

    /// Closes after what was written, and says goodbye in TLS.
    func finish() {
        if ending == nil { ending = Ending(code: .connectionLost, message: "the connection was closed by its owner") }
        context?.close(promise: nil)
    }

    private func end() {
        context = nil
        timer?.scheduled.cancel()
        timer = nil
        deadline = nil
        while let place = places.popFirst() { fail(place, wasWritten: true) }
    }

    private func fail(_ place: Place) {
        fail(place, wasWritten: false)
    }

    private func fail(_ place: Place, wasWritten: Bool) {
        var failure = error(at: place.stage)
        failure.bodyMayHaveBeenSent = place.stage == .body && wasWritten && !bodyStayedHere
        place.promise.fail(failure)
    }

    private func error(at stage: SMTPStage) -> SMTPError {
        let ending = ending ?? Ending(code: .connectionLost, message: "the server closed the connection")
        var stage = stage
        // The handshake has no reply of its own: its failure meets whoever waits for the first encrypted one.
        if ending.code == .tlsFailed { stage = stage == .greeting ? .connect : .starttls }
        return SMTPError(ending.code, stage: stage, message: ending.message, reply: ending.reply)
    }

    // MARK: - Receiving

    private func deliver(_ reply: SMTPReply) {
        transcript.record(reply)
        let place = places.popFirst()
        place?.promise.succeed(reply)
        restartTimer()
        if reply.code == 421 {
            ending = ending ?? Ending(code: .connectionClosing, message: "the server is closing the connection", reply: reply)
        } else if place == nil {
            abort(.protocolViolation, "the server sent a reply that nobody had asked for: \(reply)")
        }
    }

    /// The first in line has all of its time from now on.
    ///
    /// A timer that still runs stays as it is, and looks again when it fires: a mail restarts it five times, and making one anew costs more
    /// than all of that.
    private func restartTimer() {
        guard context != nil, let place = places.first else {
            deadline = nil
            return
        }
        let limit = timeouts.limit(for: place.stage)
        let instant = eventLoop.now + TimeAmount(limit)
        deadline = (instant, limit)
        if let timer, timer.at <= instant { return }
        armTimer()
    }

    private func armTimer() {
        timer?.scheduled.cancel()
        timer = nil
        guard let deadline else { return }
        let scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline.at) { self.timerFired() }
        timer = (scheduled, deadline.at)
    }

    private func timerFired() {
        timer = nil
        guard let deadline else { return }
        guard deadline.at <= eventLoop.now else { return armTimer() }
        abort(.timeout, "the server did not answer within \(deadline.limit)")
    }
}

// MARK: - Events of the channel

extension SMTPChannelHandler {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        restartTimer()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        parser.append(&bytes)
        do throws(SMTPReplySyntaxError) {
            while let reply = try parser.next() { deliver(reply) }
        } catch {
            abort(.protocolViolation, error.message)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// Also the end of a channel that never became active.
    func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        abort(Self.isHandshakeFailure(error) ? .tlsFailed : .connectionLost, "\(error)")
    }

    /// Failures that will repeat; a line that broke during the handshake is none.
    private static func isHandshakeFailure(_ error: any Error) -> Bool {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let stack)): !stack.contains(.eofDuringHandshake)
        case NIOSSLError.handshakeFailed, NIOSSLError.unableToValidateCertificate, NIOSSLError.noCertificateToValidate: true
        default: error is NIOSSLExtraError
        }
    }
}
