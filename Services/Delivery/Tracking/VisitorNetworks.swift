import Foundation

/// Networks from which machines come, as data: on each line a kind and its networks.
///
/// The table holds what owners publish of mail scanning, image fetching and renting out, and nothing beside; an operator adds to it by a file in the
/// same form. A network that is missing costs a machine taken for a person only where nothing else gives it away: how a machine behaves mostly does.
struct VisitorNetworks: Sendable {
    enum Kind: String, Sendable {
        case scanner, prefetcher, cloud
    }

    struct Malformed: Error, Equatable, CustomStringConvertible {
        let line: Int
        var description: String { "line \(line) is not `scanner`, `prefetcher` or `cloud` and networks such as 192.0.2.0/24" }
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
                guard words.count > 1, let kind = Kind(rawValue: String(words[0])) else { throw Malformed(line: index + 1) }
                for word in words.dropFirst() {
                    guard let network = IPNetwork(word) else { throw Malformed(line: index + 1) }
                    found[network.length, default: [:]][network.bits] = kind
                }
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
}
