import CCurl
import Foundation
import Primitives

/// Which addresses may be asked; the raw value is the setting's.
public enum OutgoingReach: String, Sendable, CaseIterable {
    /// Those of the Internet under https only: a customer who names one must not reach into our own network.
    case publicAddresses = "public"
    /// For development: any address, also without encryption.
    case anywhere
}

/// An address that requests may go to, read by the same parser that later connects.
///
/// The host is plain letters, digits, dots and hyphens, or an IPv6 address in brackets, so that no two readers see different hosts in it. What a
/// name stands for is not asked here: that may change at any time, and the socket's own address is what counts.
public struct OutgoingAddress: Sendable, Equatable {
    public static let longest = 2_000
    /// Besides 443, only ports that no user's programs are kept from: below 1024 stand the services of a machine, such as mail (25) and SSH (22).
    static let lowestPort = 1_024
    /// Above it, those at which something listens that a stranger's bytes could hurt: databases, caches, remote desktops, chat, containers.
    static let refusedPorts: Set<Int> = [
        1433, 1434, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 2525, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 5900, 5984,
        5985, 5986, 6000, 6379, 6380, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 7001, 8086, 9042, 9092, 9200, 9300, 10_080, 10_250, 11_211,
        27_017, 27_018, 50_000,
    ]

    public let text: String
    /// In lower case.
    public let host: String
    public let port: Int
    let isEncrypted: Bool

    /// Throws ``OutgoingError/Code/invalidAddress`` with a message for whoever named the address.
    public init(_ text: String, reach: OutgoingReach) throws(OutgoingError) {
        guard (1...Self.longest).contains(text.utf8.count) else { throw Self.invalid("It must have 1 to \(Self.longest) characters.") }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            throw Self.invalid("It must be in ASCII, without spaces and backslashes.")
        }
        let parts = try URLParts(text)
        let isEncrypted = parts.scheme == "https"
        guard isEncrypted || (parts.scheme == "http" && reach == .anywhere) else { throw Self.invalid("It must begin with https://.") }
        // libcurl is content with one or three slashes; nobody else reads a host there.
        let rest = text.dropFirst(parts.scheme.count)
        guard rest.hasPrefix("://"), !rest.hasPrefix(":///") else { throw Self.invalid("It must begin with https:// and a host.") }
        guard !parts.hasUser else { throw Self.invalid("It must hold no user and no password.") }
        guard !parts.host.isEmpty, Self.isHost(parts.host) else { throw Self.invalid("It must name a host.") }
        if reach == .publicAddresses {
            guard parts.port == 443 || (parts.port >= Self.lowestPort && !Self.refusedPorts.contains(parts.port)) else {
                throw Self.invalid("The port \(parts.port) is not one that can be used; 443 is.")
            }
            guard !Self.isDigits(parts.host) || PublicAddress.isPublic(Self.unbracketed(parts.host)) else {
                throw Self.invalid("It must stand in the Internet.")
            }
        }
        self.text = text
        host = parts.host
        port = parts.port
        self.isEncrypted = isEncrypted
    }

    private static func invalid(_ message: String) -> OutgoingError {
        OutgoingError(.invalidAddress, message: message)
    }

    private static func isHost(_ host: String) -> Bool {
        if host.hasPrefix("[") { return isDigits(host) }
        return host.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        }
    }

    /// Whether it is an address rather than a name; other forms of IPv4 (`0x7f.1`) have become the usual one when they were read.
    private static func isDigits(_ host: String) -> Bool {
        var storage = in6_addr()
        return inet_pton(AF_INET, host, &storage) == 1 || inet_pton(AF_INET6, unbracketed(host), &storage) == 1
    }

    private static func unbracketed(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }
}

/// What libcurl reads in an address.
private struct URLParts {
    let scheme: String
    let host: String
    let port: Int
    let hasUser: Bool

    init(_ text: String) throws(OutgoingError) {
        guard let handle = curl_url() else { throw OutgoingError(.library, message: "no memory") }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK else {
            throw OutgoingError(.invalidAddress, message: "It is not the address of a web server.")
        }
        scheme = Self.part(CURLUPART_SCHEME, of: handle)?.lowercased() ?? ""
        host = Self.part(CURLUPART_HOST, of: handle)?.lowercased() ?? ""
        port = Self.part(CURLUPART_PORT, of: handle, flags: UInt32(CURLU_DEFAULT_PORT)).flatMap { Int($0) } ?? 0
        hasUser = Self.part(CURLUPART_USER, of: handle) != nil || Self.part(CURLUPART_PASSWORD, of: handle) != nil
    }

    private static func part(_ part: CURLUPart, of handle: OpaquePointer, flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
