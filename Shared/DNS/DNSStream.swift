import Foundation

/// One question over TCP, for answers that do not fit into a datagram; never longer than it is told.
enum DNSStream {
    static func ask(_ question: [UInt8], server: UnsafePointer<sockaddr>, length: socklen_t, until deadline: ContinuousClock.Instant) -> [UInt8]? {
        let descriptor = socket(
            Int32(server.pointee.sa_family), Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        if connect(descriptor, server, length) != 0 {
            guard errno == EINPROGRESS, wait(descriptor, Int16(POLLOUT), until: deadline), failure(descriptor) == 0 else { return nil }
        }
        let message = [UInt8(question.count >> 8), UInt8(question.count & 0xFF)] + question
        guard write(message, descriptor, until: deadline), let size = read(2, descriptor, until: deadline) else { return nil }
        guard let answer = read(Int(size[0]) << 8 | Int(size[1]), descriptor, until: deadline) else { return nil }
        // Of another question than ours.
        return answer.prefix(2) == question.prefix(2) ? answer : nil
    }

    private static func failure(_ descriptor: Int32) -> Int32 {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno
    }

    private static func write(_ bytes: [UInt8], _ descriptor: Int32, until deadline: ContinuousClock.Instant) -> Bool {
        var done = 0
        while done < bytes.count {
            guard wait(descriptor, Int16(POLLOUT), until: deadline) else { return false }
            let sent = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL)) }
            if sent < 0, errno == EAGAIN || errno == EINTR { continue }
            guard sent > 0 else { return false }
            done += sent
        }
        return true
    }

    private static func read(_ count: Int, _ descriptor: Int32, until deadline: ContinuousClock.Instant) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            guard wait(descriptor, Int16(POLLIN), until: deadline) else { return nil }
            let received = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + done, count - done, 0) }
            if received < 0, errno == EAGAIN || errno == EINTR { continue }
            guard received > 0 else { return nil }
            done += received
        }
        return bytes
    }

    private static func wait(_ descriptor: Int32, _ events: Int16, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return false }
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            let ready = poll(&entry, 1, Int32(clamping: left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000 + 1))
            if ready > 0 { return true }
            if ready < 0, errno != EINTR { return false }
        }
    }
}
