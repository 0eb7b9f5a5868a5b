import DNS

/// The questions of one check: each is asked once, there is an end to their number and to their time, whatever a zone holds.
actor CheckedDNS {
    private static let mostQuestions = 120

    private struct Key: Hashable {
        let name: String
        let type: DNSRecordType
    }

    private let resolver: DNSResolver
    private let deadline: ContinuousClock.Instant
    private var answers: [Key: Task<DNSAnswer, Never>] = [:]

    init(_ resolver: DNSResolver, patience: Duration = .seconds(15)) {
        self.resolver = resolver
        deadline = .now + patience
    }

    func query(_ name: String, _ type: DNSRecordType) async -> DNSAnswer {
        let key = Key(name: name.lowercased(), type: type)
        if let known = answers[key] { return await known.value }
        guard answers.count < Self.mostQuestions else { return DNSAnswer(.failed(.overloaded)) }
        guard ContinuousClock.now < deadline else { return DNSAnswer(.failed(.timeout)) }
        let resolver = resolver
        let task = Task { await resolver.query(name, type) }
        answers[key] = task
        return await task.value
    }
}

extension DomainFinding {
    /// What it means that DNS did not answer about `name`.
    init(_ failure: DNSFailure, _ name: String) {
        switch failure {
        case .server(let code): self.init(.dnsServerFailure, "The name servers of \(name) answer with the error \(Self.word(code)).")
        case .timeout, .overloaded: self.init(.dnsTimeout, "Nobody answered about \(name) in time.")
        case .malformed: self.init(.dnsMalformedAnswer, "The answer about \(name) is damaged.")
        }
    }

    private static func word(_ code: Int) -> String {
        switch code {
        case 1: "FORMERR"
        case 2: "SERVFAIL"
        case 4: "NOTIMP"
        case 5: "REFUSED"
        default: String(code)
        }
    }
}
