import Foundation

/// Networks from which machines come, as data: one a line, what kind before it.
///
/// The table is a beginning, made of networks that their owners publish for mail scanning, image fetching and renting out; an operator adds to it by a
/// file in the same form. A network that is missing costs a machine taken for a person only where nothing else gives it away.
struct VisitorNetworks: Sendable {
    enum Kind: String, Sendable {
        case scanner, prefetcher, cloud
    }

    struct Malformed: Error, Equatable, CustomStringConvertible {
        let line: Int
        var description: String { "line \(line) is not `scanner`, `prefetcher` or `cloud` and a network such as 192.0.2.0/24" }
    }

    /// By length, longest first, so that the more exact one wins.
    private let byLength: [(length: Int, networks: [UInt128: Kind])]

    /// Blank lines and what follows a `#` say nothing.
    init(_ texts: String...) throws(Malformed) {
        var found: [Int: [UInt128: Kind]] = [:]
        for text in texts {
            for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
                guard !words.isEmpty else { continue }
                guard words.count == 2, let kind = Kind(rawValue: String(words[0])), let network = IPNetwork(words[1]) else {
                    throw Malformed(line: index + 1)
                }
                found[network.length, default: [:]][network.bits] = kind
            }
        }
        byLength = found.sorted { $0.key > $1.key }.map { ($0.key, $0.value) }
    }

    /// Nil for most of the world. As many look-ups as there are lengths, whatever the number of networks.
    func kind(of address: IPAddress) -> Kind? {
        for (length, networks) in byLength {
            if let kind = networks[address.bits & ~IPNetwork.rest(length)] { return kind }
        }
        return nil
    }

    static let known = """
        # Mail scanners
        scanner 64.235.144.0/20     # Barracuda
        scanner 209.222.80.0/21     # Barracuda
        scanner 67.231.144.0/20     # Proofpoint
        scanner 148.163.128.0/19    # Proofpoint
        scanner 205.220.160.0/19    # Proofpoint
        scanner 185.132.180.0/22    # Proofpoint
        scanner 185.183.28.0/22     # Proofpoint
        scanner 208.84.64.0/22      # Proofpoint
        scanner 207.211.30.0/23     # Mimecast
        scanner 205.139.110.0/23    # Mimecast
        scanner 63.128.21.0/24      # Mimecast
        scanner 170.10.128.0/18     # Mimecast
        scanner 91.220.42.0/24      # Mimecast
        scanner 195.130.217.0/24    # Mimecast
        scanner 185.58.84.0/22      # Mimecast
        scanner 207.82.80.0/24      # Mimecast
        scanner 68.232.128.0/19     # Cisco
        scanner 216.71.128.0/19     # Cisco
        scanner 208.90.56.0/21      # Cisco
        scanner 67.219.240.0/20     # Broadcom
        scanner 85.158.136.0/21     # Broadcom
        scanner 95.131.104.0/21     # Broadcom
        scanner 193.109.254.0/23    # Broadcom
        scanner 194.106.220.0/23    # Broadcom
        scanner 195.245.230.0/23    # Broadcom
        scanner 216.82.240.0/20     # Broadcom
        scanner 117.120.16.0/21     # Broadcom
        scanner 85.115.32.0/19      # Forcepoint
        scanner 86.111.216.0/21     # Forcepoint
        scanner 116.50.56.0/21      # Forcepoint
        scanner 208.87.232.0/21     # Forcepoint
        scanner 150.70.0.0/16       # Trend Micro
        scanner 40.92.0.0/15        # Microsoft, mail protection
        scanner 40.107.0.0/16       # Microsoft, mail protection
        scanner 52.100.0.0/14       # Microsoft, mail protection
        scanner 104.47.0.0/17       # Microsoft, mail protection
        scanner 2a01:111:f400::/48  # Microsoft, mail protection
        scanner 2a01:111:f403::/48  # Microsoft, mail protection
        scanner 40.94.0.0/16        # Microsoft, link detonation

        # Apple fetches images ahead of their readers
        prefetcher 17.0.0.0/8
        prefetcher 2620:149::/32

        # Rented machines
        cloud 3.0.0.0/9             # Amazon
        cloud 3.128.0.0/9           # Amazon
        cloud 13.48.0.0/13          # Amazon
        cloud 13.56.0.0/14          # Amazon
        cloud 13.112.0.0/14         # Amazon
        cloud 13.208.0.0/12         # Amazon
        cloud 18.128.0.0/9          # Amazon
        cloud 34.192.0.0/10         # Amazon
        cloud 35.152.0.0/13         # Amazon
        cloud 35.160.0.0/13         # Amazon
        cloud 44.192.0.0/10         # Amazon
        cloud 50.16.0.0/14          # Amazon
        cloud 52.0.0.0/11           # Amazon
        cloud 52.32.0.0/11          # Amazon
        cloud 52.64.0.0/12          # Amazon
        cloud 52.192.0.0/11         # Amazon
        cloud 54.64.0.0/11          # Amazon
        cloud 54.144.0.0/12         # Amazon
        cloud 54.160.0.0/11         # Amazon
        cloud 54.192.0.0/10         # Amazon
        cloud 34.64.0.0/10          # Google
        cloud 34.128.0.0/10         # Google
        cloud 35.184.0.0/13         # Google
        cloud 35.192.0.0/11         # Google
        cloud 35.224.0.0/12         # Google
        cloud 104.154.0.0/15        # Google
        cloud 104.196.0.0/14        # Google
        cloud 130.211.0.0/16        # Google
        cloud 146.148.0.0/17        # Google
        cloud 66.249.64.0/19        # Google, fetchers
        cloud 13.64.0.0/11          # Microsoft
        cloud 20.0.0.0/8            # Microsoft
        cloud 40.64.0.0/10          # Microsoft
        cloud 51.104.0.0/15         # Microsoft
        cloud 52.224.0.0/11         # Microsoft
        cloud 104.40.0.0/13         # Microsoft
        cloud 137.116.0.0/15        # Microsoft
        cloud 168.61.0.0/16         # Microsoft
        cloud 104.131.0.0/16        # DigitalOcean
        cloud 138.68.0.0/16         # DigitalOcean
        cloud 142.93.0.0/16         # DigitalOcean
        cloud 157.230.0.0/16        # DigitalOcean
        cloud 159.65.0.0/16         # DigitalOcean
        cloud 165.227.0.0/16        # DigitalOcean
        cloud 167.99.0.0/16         # DigitalOcean
        cloud 5.9.0.0/16            # Hetzner
        cloud 78.46.0.0/15          # Hetzner
        cloud 88.198.0.0/16         # Hetzner
        cloud 116.202.0.0/15        # Hetzner
        cloud 135.181.0.0/16        # Hetzner
        cloud 144.76.0.0/16         # Hetzner
        cloud 148.251.0.0/16        # Hetzner
        cloud 159.69.0.0/16         # Hetzner
        cloud 51.68.0.0/16          # OVH
        cloud 51.75.0.0/16          # OVH
        cloud 54.36.0.0/16          # OVH
        cloud 137.74.0.0/16         # OVH
        cloud 147.135.0.0/16        # OVH
        cloud 45.33.0.0/17          # Linode
        cloud 139.162.0.0/16        # Linode
        cloud 172.104.0.0/15        # Linode
        """
}
