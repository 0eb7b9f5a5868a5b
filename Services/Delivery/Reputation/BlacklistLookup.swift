import DNS

extension DNSResolver {
    /// The IPv4 addresses of a name, as blacklists answer: none when it is not listed, nil when nobody knows.
    func addresses(of name: String) async -> [String]? {
        switch await query(name, .a).outcome {
        case .records(let records): records.compactMap { if case .address(let address) = $0 { address } else { nil } }
        case .noSuchDomain, .noSuchRecord: []
        case .failed: nil
        }
    }
}
