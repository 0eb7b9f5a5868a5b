import Foundation

/// Tells addresses of the Internet from those inside: where a customer names a host, it must not be one of ours.
public enum PublicAddress {
    /// Whether packets to `address`, an IPv4 or IPv6 address in digits, leave for the Internet (IANA's special-purpose registries, RFC 6890).
    public static func isPublic(_ address: String) -> Bool {
        var four = in_addr()
        if inet_pton(AF_INET, address, &four) == 1 { return isPublic(four: UInt32(bigEndian: four.s_addr)) }
        var six = in6_addr()
        // A zone, as in fe80::1%eth0, means a link-local address.
        guard inet_pton(AF_INET6, address, &six) == 1 else { return false }
        return withUnsafeBytes(of: &six) { bytes in
            let prefix = bytes.loadUnaligned(as: UInt32.self).bigEndian
            // Global unicast is 2000::/3, so what maps or translates an IPv4 address (::ffff:0:0/96, 64:ff9b::/96) is outside. In it stand, and are
            // not meant: 6to4 (2002::/16), IETF protocols with Teredo, benchmarks and ORCHID (2001::/23), documentation (2001:db8::/32, 3fff::/20).
            return prefix >> 29 == 1 && prefix >> 16 != 0x2002 && prefix >> 9 != 0x2001_0000 >> 9 && prefix != 0x2001_0db8
                && prefix >> 12 != 0x3fff_0
        }
    }

    private static func isPublic(four address: UInt32) -> Bool {
        !inside.contains { address & ($0.mask == 0 ? 0 : ~UInt32(0) << (32 - $0.mask)) == $0.network }
    }

    private static let inside: [(network: UInt32, mask: UInt32)] = [
        (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16), (0xAC10_0000, 12), (0xC000_0000, 24),
        (0xC000_0200, 24), (0xC058_6300, 24), (0xC0A8_0000, 16), (0xC612_0000, 15), (0xC633_6400, 24), (0xCB00_7100, 24), (0xE000_0000, 3),
        // Azure's platform answers every machine in it there, though the address looks like any other.
        (0xA83F_8110, 32),
    ]
}
