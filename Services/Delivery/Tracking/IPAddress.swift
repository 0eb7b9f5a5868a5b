import Foundation

/// An address of either family as 128 bits, IPv4 in its mapped form, for comparing with networks; never stored.
struct IPAddress: Sendable, Equatable {
    let bits: UInt128
    /// Whether it is one of IPv4.
    let isMapped: Bool

    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bits = 0xFFFF << 32 | UInt128(UInt32(bigEndian: four.s_addr))
            isMapped = true
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            bits = withUnsafeBytes(of: &six) { $0.reduce(0) { $0 << 8 | UInt128($1) } }
            isMapped = bits >> 32 == 0xFFFF
        } else {
            return nil
        }
    }
}

/// All addresses that begin with the same bits.
struct IPNetwork: Sendable, Equatable {
    let bits: UInt128
    /// Of the 128.
    let length: Int

    /// `10.0.0.0/8` or `2001:db8::/32`; nil for anything else, also for bits beyond the length.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])), let written = Int(parts[1]) else { return nil }
        let length = address.isMapped && !parts[0].contains(":") ? written + 96 : written
        guard written >= 0, length <= 128, address.bits & Self.rest(length) == 0 else { return nil }
        bits = address.bits
        self.length = length
    }

    func contains(_ address: IPAddress) -> Bool {
        address.bits & ~Self.rest(length) == bits
    }

    static func rest(_ length: Int) -> UInt128 {
        length == 0 ? .max : (length >= 128 ? 0 : UInt128.max >> UInt128(length))
    }
}
