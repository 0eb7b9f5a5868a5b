import CResolv
import Foundation

/// Reads an answer from the wire; damaged ones, and records that nobody asked for, do no harm.
enum DNSMessage {
    /// Nobody publishes more, and a memory has an end.
    private static let mostRecords = 256

    /// What an answer said about itself, and its content.
    struct Reading {
        let isTruncated: Bool
        let answer: DNSAnswer
    }

    /// Nil when the bytes are no answer at all.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>, name: String, type: DNSRecordType) -> Reading? {
        guard bytes.count >= 12, let message = resolver_parse(bytes.baseAddress, Int32(bytes.count)) else { return nil }
        defer { resolver_free(message) }
        guard resolver_is_answer(message) != 0 else { return nil }
        let isTruncated = resolver_is_truncated(message) != 0
        let code = Int(resolver_code(message))
        let isAuthentic = resolver_is_authentic(message) != 0
        switch code {
        case 0: break
        case 3: return Reading(isTruncated: isTruncated, answer: DNSAnswer(.noSuchDomain, isAuthentic: isAuthentic))
        default: return Reading(isTruncated: isTruncated, answer: DNSAnswer(.failed(.server(code: code))))
        }
        guard let found = records(message, name: name, type: type) else {
            return Reading(isTruncated: isTruncated, answer: DNSAnswer(.failed(.malformed)))
        }
        let outcome: DNSAnswer.Outcome = found.records.isEmpty ? .noSuchRecord : .records(found.records)
        return Reading(
            isTruncated: isTruncated, answer: DNSAnswer(outcome, aliases: found.aliases, ttl: found.ttl, isAuthentic: isAuthentic))
    }

    private static func records(
        _ message: UnsafeMutablePointer<resolver_message>, name: String, type: DNSRecordType
    ) -> (records: [DNSRecord], aliases: [String], ttl: Int)? {
        let record = UnsafeMutablePointer<resolver_record>.allocate(capacity: 1)
        defer { record.deallocate() }
        var content: [(owner: String, record: DNSRecord, ttl: Int)] = []
        var targets: [String: String] = [:]
        for index in 0..<min(resolver_answers(message), Int32(mostRecords)) {
            guard resolver_read(message, index, record) != 0 else { return nil }
            let owner = owner(record)
            if record.pointee.type == Int32(DNSRecordType.cname.rawValue), type != .cname {
                guard let target = Self.name(message, record, offset: 0) else { return nil }
                targets[owner] = target
            } else if record.pointee.type == Int32(type.rawValue) {
                guard let value = value(message, record, type) else { return nil }
                content.append((owner, value, Int(record.pointee.ttl & 0x7FFF_FFFF)))
            }
        }
        // The chain from the name that was asked for; what hangs elsewhere was not asked for.
        var chain = [name]
        while chain.count <= 16, let next = targets[chain[chain.count - 1]], !chain.contains(next) { chain.append(next) }
        let wanted = content.filter { chain.contains($0.owner) }
        return (wanted.map(\.record), Array(chain.dropFirst()), wanted.map(\.ttl).min() ?? 0)
    }

    private static func value(
        _ message: UnsafeMutablePointer<resolver_message>, _ record: UnsafeMutablePointer<resolver_record>, _ type: DNSRecordType
    ) -> DNSRecord? {
        let data = Array(UnsafeBufferPointer(start: record.pointee.data, count: Int(record.pointee.length)))
        switch type {
        case .a, .aaaa:
            guard data.count == (type == .a ? 4 : 16) else { return nil }
            return DNSAddress(bytes: data).map { .address($0.text) }
        case .cname, .ns, .ptr: return name(message, record, offset: 0).map { .name($0) }
        case .mx:
            guard data.count > 2, let host = name(message, record, offset: 2) else { return nil }
            return .mailServer(preference: Int(data[0]) << 8 | Int(data[1]), host: host)
        case .txt: return text(data)
        case .tlsa:
            guard data.count > 3 else { return nil }
            return .certificate(usage: Int(data[0]), selector: Int(data[1]), matching: Int(data[2]), data: Array(data.dropFirst(3)))
        }
    }

    private static func text(_ data: [UInt8]) -> DNSRecord? {
        var joined: [UInt8] = []
        var position = 0
        while position < data.count {
            let end = position + 1 + Int(data[position])
            guard end <= data.count else { return nil }
            joined += data[(position + 1)..<end]
            position = end
        }
        // Neither NUL nor what is no UTF-8 belongs into any record that is read here; both are shown, not kept.
        return .text(String(decoding: joined, as: UTF8.self).replacing("\0", with: "\u{FFFD}"))
    }

    private static func owner(_ record: UnsafeMutablePointer<resolver_record>) -> String {
        withUnsafePointer(to: &record.pointee.owner) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: record.pointee.owner)) { plain(String(cString: $0)) }
        }
    }

    private static func name(
        _ message: UnsafeMutablePointer<resolver_message>, _ record: UnsafeMutablePointer<resolver_record>, offset: Int32
    ) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1_025) { buffer in
            guard let start = buffer.baseAddress, resolver_name(message, record, offset, start, 1_025) >= 0 else { return nil }
            return plain(String(cString: start))
        }
    }

    private static func plain(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
