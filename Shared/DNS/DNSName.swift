/// Names as they are asked for.
public enum DNSName {
    /// Lower case and without a dot at the end; nil for what no question of ours is about: more than 253 characters, an empty label or one of more
    /// than 63, anything but letters, digits, hyphens and underscores.
    public static func normalized(_ text: some StringProtocol) -> String? {
        var name = text.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        guard (1...253).contains(name.utf8.count) else { return nil }
        for label in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard (1...63).contains(label.utf8.count), label.utf8.allSatisfy(isAllowed) else { return nil }
        }
        return name
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// Where an address of IPv4 or IPv6 has its PTR record; nil for anything else.
    public static func reverse(of address: String) -> String? {
        DNSAddress(address)?.reverseName
    }
}
