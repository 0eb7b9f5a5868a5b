import Foundation
import Primitives

/// Makes the TCP connection: the address that a name turned out to mean is looked at before the first packet leaves.
enum SocketConnect {
    /// A connected, non-blocking socket; `line` may end the attempt from outside.
    ///
    /// The look-up blocks for as long as the system's resolver takes (`resolv.conf`: by default two tries of 5 s for each of its servers).
    static func open(_ server: IMAPServer, reach: IMAPReach, within limit: Duration, line: IMAPLine) throws(IMAPError) -> Int32 {
        guard (1...253).contains(server.host.utf8.count), server.host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), (1...65_535).contains(server.port)
        else { throw IMAPError(.invalidConfiguration, stage: .connect, message: "that is no host name and port") }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(server.host, String(server.port), &hints, &found)
        guard code == 0, let found else {
            throw reach == .publicAddresses
                ? notReached : IMAPError(.connectFailed, stage: .connect, message: "no such host: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(found) }
        let deadline = ContinuousClock.now + limit
        var failure = IMAPError(.connectFailed, stage: .connect, message: "the name has no address")
        for address in sequence(first: found, next: { $0.pointee.ai_next }) {
            guard reach == .anywhere || isPublic(address.pointee) else { continue }
            do throws(IMAPError) {
                return try connect(address.pointee, until: deadline, line: line)
            } catch {
                failure = error
            }
        }
        // One answer for "nobody there" and "not for you": the difference would tell what stands inside.
        throw reach == .publicAddresses ? notReached : failure
    }

    private static let notReached = IMAPError(
        .connectFailed, stage: .connect, message: "no mail server answers there at an address of the Internet")

    private static func isPublic(_ address: addrinfo) -> Bool {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard getnameinfo(address.ai_addr, address.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else { return false }
        return PublicAddress.isPublic(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    private static func connect(_ address: addrinfo, until deadline: ContinuousClock.Instant, line: IMAPLine) throws(IMAPError) -> Int32 {
        let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
        guard descriptor >= 0 else { throw IMAPError(.connectFailed, stage: .connect, message: words(errno)) }
        var keep = false
        defer { if !keep { close(descriptor) } }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        guard line.hold(descriptor) else { throw IMAPError(.connectionLost, stage: .connect, message: "the connection was given up") }
        defer { if !keep { line.forget() } }
        if Foundation.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
            guard errno == EINPROGRESS else { throw IMAPError(.connectFailed, stage: .connect, message: words(errno)) }
            guard wait(descriptor, POLLOUT, until: deadline) else {
                throw IMAPError(.timeout, stage: .connect, message: "the server did not answer in time")
            }
            var problem: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size)
            guard problem == 0 else { throw IMAPError(.connectFailed, stage: .connect, message: words(problem)) }
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        // A mailbox that idles says nothing for long: the kernel notices when the other machine is gone.
        setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, socklen_t(MemoryLayout<Int32>.size))
        keep = true
        return descriptor
    }

    /// False when the time is over.
    static func wait(_ descriptor: Int32, _ events: Int32, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let rest = deadline - .now
            guard rest > .zero else { return false }
            var polled = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let result = poll(&polled, 1, rest.pollMilliseconds)
            if result > 0 { return true }
            guard result == 0 || errno == EINTR else { return true }
        }
    }

    static func words(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
