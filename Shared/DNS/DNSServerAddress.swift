import Foundation

/// Where a server that was configured stands; the system's when none is.
public struct DNSServerAddress: Sendable, Equatable {
    public let host: String
    public let port: Int

    /// Nil unless `text` is `host`, `host:port` or `[address]:port`; the port is 53 when none is said.
    public init?(_ text: String) {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":"), let port = Self.port(rest.dropFirst()) else { return nil }
            self.port = port
        } else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2, let port = Self.port(parts.dropFirst().first ?? "") else { return nil }
            host = String(parts.first ?? "")
            self.port = port
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    }

    private static func port(_ text: some StringProtocol) -> Int? {
        if text.isEmpty { return 53 }
        guard let port = Int(text), (1...65_535).contains(port) else { return nil }
        return port
    }

    /// The address to connect to; blocks while a name is looked up, nil when there is none.
    func withSocketAddress<Value>(_ body: (UnsafePointer<sockaddr>) -> Value) -> Value? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let first = list else { return nil }
        defer { freeaddrinfo(list) }
        guard let address = first.pointee.ai_addr else { return nil }
        return body(UnsafePointer(address))
    }
}
