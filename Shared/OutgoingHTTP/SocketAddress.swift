import CCurl
import Foundation

/// The address that libcurl is about to connect to.
enum SocketAddress {
    /// In digits; nil for what is neither IPv4 nor IPv6.
    static func digits(of address: UnsafePointer<curl_sockaddr>) -> String? {
        guard let start = penguin_curl_address(address) else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let written: UnsafePointer<CChar>?
        switch address.pointee.family {
        case AF_INET where address.pointee.addrlen >= UInt32(MemoryLayout<sockaddr_in>.size):
            var four = start.loadUnaligned(as: sockaddr_in.self).sin_addr
            written = inet_ntop(AF_INET, &four, &text, socklen_t(text.count))
        case AF_INET6 where address.pointee.addrlen >= UInt32(MemoryLayout<sockaddr_in6>.size):
            var six = start.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            written = inet_ntop(AF_INET6, &six, &text, socklen_t(text.count))
        default: return nil
        }
        return written.map { String(cString: $0) }
    }

    /// As libcurl would make it, and closed in programs that this one starts.
    static func makeSocket(for address: UnsafePointer<curl_sockaddr>) -> curl_socket_t {
        socket(address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
    }
}
