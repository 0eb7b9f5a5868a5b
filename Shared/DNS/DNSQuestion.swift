import CResolv
import Foundation

/// How long a question may take.
struct DNSLimits: Sendable {
    /// Of the first try; libresolv doubles it with each further one.
    var seconds = 2
    var attempts = 2
}

/// One question, asked by the thread that it is on.
struct DNSQuestion {
    private static let largestAnswer = 65_535

    /// Normalised.
    let name: String
    let type: DNSRecordType
    let server: DNSServerAddress?
    let limits: DNSLimits

    /// Blocks.
    func ask() -> DNSAnswer {
        // A state of its own for each question: the system's configuration may have changed, and no socket is used twice.
        guard let resolver = resolver_open() else { return DNSAnswer(.failed(.server(code: 2))) }
        defer { resolver_close(resolver) }
        resolver_tune(resolver, Int32(limits.seconds), Int32(limits.attempts))
        if let server {
            guard server.withSocketAddress({ resolver_use(resolver, $0) }) == 1 else { return DNSAnswer(.failed(.timeout)) }
        }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.largestAnswer) { buffer in
            buffer.update(repeating: 0)
            let length = resolver_query(resolver, name, Int32(type.rawValue), buffer.baseAddress, Int32(buffer.count))
            // Also a refusal has come with a message, of which only the head counts.
            let count = length < 0 ? buffer.count : min(Int(length), buffer.count)
            guard let code = Self.head(buffer) else { return DNSAnswer(.failed(.timeout)) }
            if code.isTruncated { return overStream(resolver) }
            if length < 0 { return DNSAnswer(Self.outcome(of: code.code)) }
            return DNSMessage.read(UnsafeBufferPointer(rebasing: buffer[..<count]), name: name, type: type)?.answer
                ?? DNSAnswer(.failed(.malformed))
        }
    }

    /// Nil when nothing came.
    private static func head(_ buffer: UnsafeMutableBufferPointer<UInt8>) -> (isTruncated: Bool, code: Int)? {
        guard buffer[2] & 0x80 != 0 else { return nil }
        return (buffer[2] & 0x02 != 0, Int(buffer[3] & 0x0F))
    }

    private static func outcome(of code: Int) -> DNSAnswer.Outcome {
        switch code {
        case 0: .noSuchRecord
        case 3: .noSuchDomain
        default: .failed(.server(code: code))
        }
    }

    /// libresolv would ask again itself, and wait for ever for a server that takes the connection and says nothing.
    private func overStream(_ resolver: OpaquePointer) -> DNSAnswer {
        var question = [UInt8](repeating: 0, count: 512)
        let length = resolver_question(resolver, name, Int32(type.rawValue), &question, Int32(question.count))
        var address = sockaddr_storage()
        let size = resolver_server(resolver, &address)
        guard length > 0, size > 0 else { return DNSAnswer(.failed(.malformed)) }
        let deadline = ContinuousClock.now + .seconds(limits.seconds * limits.attempts)
        let answer = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                DNSStream.ask(Array(question.prefix(Int(length))), server: $0, length: size, until: deadline)
            }
        }
        guard let answer else { return DNSAnswer(.failed(.timeout)) }
        return answer.withUnsafeBufferPointer { DNSMessage.read($0, name: name, type: type)?.answer } ?? DNSAnswer(.failed(.malformed))
    }
}
