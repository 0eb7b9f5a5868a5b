import CHiredis
import Foundation
import Synchronization

/// The one owner of a `redisContext`.
struct RedisHandle: ~Copyable {
    let context: UnsafeMutablePointer<redisContext>
    let line: Line

    /// The socket, for ending a blocked read from another thread; -1 once the context is gone.
    final class Line: Sendable {
        private let descriptor: Mutex<Int32>

        init(_ descriptor: Int32) {
            self.descriptor = Mutex(descriptor)
        }

        func shut() {
            descriptor.withLock { if $0 >= 0 { _ = shutdown($0, Int32(SHUT_RDWR)) } }
        }

        func forget() {
            descriptor.withLock { $0 = -1 }
        }
    }

    /// Blocks until connected.
    init(_ configuration: RedisConfiguration) throws(RedisError) {
        guard let context = redisConnectWithTimeout(configuration.host, Int32(configuration.port), configuration.connectTimeout.timeval) else {
            throw RedisError(.connectionFailed, message: "out of memory")
        }
        guard context.pointee.err == 0 else {
            let message = Self.message(context)
            redisFree(context)
            throw RedisError(.connectionFailed, message: message)
        }
        redisSetTimeout(context, configuration.commandTimeout.timeval)
        self.context = context
        line = Line(context.pointee.fd)
    }

    deinit {
        line.forget()
        redisFree(context)
    }

    /// What hiredis says about the line.
    var failure: RedisError {
        let timedOut = context.pointee.err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT)
        return RedisError(timedOut ? .timeout : .connectionLost, message: Self.message(context))
    }

    private static func message(_ context: UnsafeMutablePointer<redisContext>) -> String {
        withUnsafePointer(to: context.pointee.errstr) { tuple in
            tuple.withMemoryRebound(to: CChar.self, capacity: 128) { String(cString: $0) }
        }
    }
}

extension Duration {
    var timeval: timeval {
        let (seconds, attoseconds) = components
        return Foundation.timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}

extension RedisValue {
    /// Copies an answer out of hiredis' memory.
    init(reply: UnsafePointer<redisReply>) {
        let value = reply.pointee
        func bytes() -> [UInt8] {
            guard let start = value.str else { return [] }
            return Array(UnsafeRawBufferPointer(start: start, count: Int(value.len)))
        }
        switch value.type {
        case REDIS_REPLY_INTEGER: self = .integer(value.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: self = .text(bytes())
        case REDIS_REPLY_ERROR: self = .error(String(decoding: bytes(), as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            self = .array((0..<Int(value.elements)).compactMap { value.element?[$0].map { RedisValue(reply: UnsafePointer($0)) } })
        default: self = .null
        }
    }
}
