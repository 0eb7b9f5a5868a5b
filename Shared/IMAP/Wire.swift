import CEtpan
import Foundation

/// The bytes of one connection: a socket, TLS over it when there is some, a deadline, and a guard before everything that comes in.
///
/// Belongs to one connection and is used on its executor only; libetpan reaches it through ``WireDriver`` from there.
final class Wire {
    private let descriptor: Int32
    private let line: IMAPLine
    private var tls: TLSHolder?
    private var deadline: ContinuousClock.Instant
    private var responses: ResponseGuard
    private var isClosed = false
    /// Why nothing can be read or written any more; the first reason stays.
    private(set) var failure: IMAPError?
    private var stage = IMAPStage.connect

    /// A place for what cannot be copied.
    private final class TLSHolder {
        let session: TLSSession

        init(_ session: consuming TLSSession) {
            self.session = session
        }
    }

    /// Blocks until connected.
    init(_ server: IMAPServer, reach: IMAPReach, timeouts: IMAPTimeouts, limits: IMAPLimits, line: IMAPLine) throws(IMAPError) {
        descriptor = try SocketConnect.open(server, reach: reach, within: timeouts.connect, line: line)
        self.line = line
        deadline = .now + timeouts.greeting
        responses = ResponseGuard(lineLimit: limits.line)
    }

    deinit {
        close()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        fail(.connectionLost, "the connection was closed")
        tls = nil
        line.forget()
        Foundation.close(descriptor)
    }

    var isEncrypted: Bool { tls != nil }
    /// What the server said last that was no success.
    var words: String? { responses.words }
    var hasPending: Bool { tls?.session.hasPending ?? false }
    /// Where the other end is, in digits.
    var remoteAddress: String? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard getpeername(descriptor, generic, &length) == 0 else { return nil }
                var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
                guard getnameinfo(generic, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else { return nil }
                return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
    }

    /// Begins a stretch of the conversation: what comes may take this long and be this large.
    func begin(_ stage: IMAPStage, within limit: Duration, literals: Int = 64 << 10, total: Int = 16 << 20) {
        self.stage = stage
        deadline = .now + limit
        responses.beginCommand(literalLimit: literals, totalLimit: total)
    }

    /// Encrypts what follows; throws unless the certificate is good for `host`.
    func encrypt(host: String, trust: IMAPTrust) throws(IMAPError) {
        let holder = TLSHolder(try TLSSession(descriptor: descriptor, host: host, trust: trust))
        while true {
            switch holder.session.handshake() {
            case .done:
                tls = holder
                return
            case .wantsRead: try waitOrThrow(POLLIN)
            case .wantsWrite: try waitOrThrow(POLLOUT)
            case .closed: throw failed(.tlsFailed, "the server hung up during the handshake")
            case .failed(let words): throw failed(.tlsFailed, words)
            }
        }
    }

    private func waitOrThrow(_ events: Int32) throws(IMAPError) {
        guard SocketConnect.wait(descriptor, events, until: deadline) else { throw failed(.timeout, "the server did not answer in time") }
    }

    // MARK: - For libetpan

    /// How many bytes came, at least one; -1 when none will come any more.
    func read(_ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
        while failure == nil {
            switch receive(buffer, count) {
            case .done(let number):
                do throws(ResponseGuard.Violation) {
                    try responses.accept(UnsafeRawBufferPointer(start: buffer, count: number))
                    return number
                } catch {
                    fail(error)
                }
            case .wantsRead: wait(POLLIN)
            case .wantsWrite: wait(POLLOUT)
            case .closed: fail(.connectionLost, line.isShut ? "the connection was given up" : "the server hung up")
            case .failed(let words): fail(.connectionLost, words)
            }
        }
        return -1
    }

    /// How many bytes went, at least one; -1 when none will go any more.
    func write(_ buffer: UnsafeRawPointer, _ count: Int) -> Int {
        guard count > 0 else { return 0 }
        while failure == nil {
            switch send(buffer, count) {
            case .done(let number): return number
            case .wantsRead: wait(POLLIN)
            case .wantsWrite: wait(POLLOUT)
            case .closed: fail(.connectionLost, "the server hung up")
            case .failed(let words): fail(.connectionLost, words)
            }
        }
        return -1
    }

    private func receive(_ buffer: UnsafeMutableRawPointer, _ count: Int) -> TLSSession.Step {
        if let tls { return tls.session.receive(buffer, count) }
        let result = recv(descriptor, buffer, count, 0)
        return result == 0 ? .closed : step(result, .wantsRead)
    }

    private func send(_ buffer: UnsafeRawPointer, _ count: Int) -> TLSSession.Step {
        if let tls { return tls.session.send(buffer, count) }
        return step(Foundation.send(descriptor, buffer, count, Int32(MSG_NOSIGNAL)), .wantsWrite)
    }

    private func step(_ result: Int, _ otherwise: TLSSession.Step) -> TLSSession.Step {
        if result > 0 { return .done(result) }
        return [EAGAIN, EINTR].contains(errno) ? otherwise : .failed(SocketConnect.words(errno))
    }

    private func wait(_ events: Int32) {
        if !SocketConnect.wait(descriptor, events, until: deadline) { fail(.timeout, "the server did not answer in time") }
    }

    // MARK: - Failing

    private func fail(_ code: IMAPError.Code, _ message: String) {
        failure = failure ?? IMAPError(code, stage: stage, message: message, words: responses.words)
    }

    private func failed(_ code: IMAPError.Code, _ message: String) -> IMAPError {
        fail(code, message)
        return failure ?? IMAPError(code, stage: stage, message: message)
    }

    private func fail(_ violation: ResponseGuard.Violation) {
        switch violation {
        case .literalTooLarge, .tooMuch: fail(.tooLarge, "the server sent more than was asked for")
        case .lineTooLong: fail(.tooLarge, "the server sent a line without end")
        case .malformed(let what): fail(.protocolViolation, "the server sent \(what)")
        }
    }
}
