import DNS
import Foundation
import Logging
import Mail
import Primitives

/// Finds out where mail for a domain goes; remembered for as long as DNS says, five minutes at most, and each domain asked once at a time.
actor MailRoutes {
    static let longest: TimeInterval = 300
    static let shortest: TimeInterval = 30
    private static let most = 10_000
    /// Servers of a domain that are looked at.
    private static let mostHosts = 10
    private static let mostAddresses = 4

    private let resolver: DNSResolver
    private let policies: MTASTSPolicies
    private let counts: TLSReportCounts
    /// Whether the resolver proves what DNSSEC signs, and nobody stands between it and us.
    private let isResolverTrusted: Bool
    private let port: Int
    private let families: AddressFamilies
    private let clock: WallClock
    private var known: [String: (route: MailRoute, until: Date)] = [:]
    private var asking: [String: Task<(MailRoute, ttl: TimeInterval), Never>] = [:]

    /// Which kinds of addresses can be reached from ours.
    struct AddressFamilies: Sendable {
        var four = true
        var six = true
    }

    init(
        resolver: DNSResolver, policies: MTASTSPolicies, counts: TLSReportCounts, isResolverTrusted: Bool, port: Int, families: AddressFamilies,
        clock: WallClock
    ) {
        self.resolver = resolver
        self.policies = policies
        self.counts = counts
        self.isResolverTrusted = isResolverTrusted
        self.port = port
        self.families = families
        self.clock = clock
    }

    func route(to domain: String) async -> MailRoute {
        let domain = domain.lowercased()
        let now = clock.now
        if let entry = known[domain], entry.until > now { return entry.route }
        if let task = asking[domain] { return await task.value.0 }
        let task = Task { await self.find(domain) }
        asking[domain] = task
        let (route, ttl) = await task.value
        asking[domain] = nil
        if known.count >= Self.most { known = known.filter { $0.value.until > now } }
        if known.count >= Self.most { known = [:] }
        known[domain] = (route, now.addingTimeInterval(min(max(ttl, Self.shortest), Self.longest)))
        return route
    }

    // MARK: - Asking

    private nonisolated func find(_ domain: String) async -> (MailRoute, ttl: TimeInterval) {
        guard DNSName.normalized(domain) != nil, DNSName.reverse(of: domain) == nil else {
            return (MailRoute(way: .refused(code: 550, text: "5.1.2 \(domain) is not the name of a domain.")), Self.longest)
        }
        let answer = await resolver.query(domain, .mx)
        let groups: [[String]]
        switch answer.outcome {
        case .failed(let failure):
            return (MailRoute(way: .unknown(text: "4.4.3 The name servers of \(domain) did not answer (\(Self.words(failure))).")), 0)
        case .noSuchDomain:
            return (MailRoute(way: .refused(code: 550, text: "5.1.2 The domain \(domain) does not exist.")), Self.shortest)
        // Without MX the domain itself takes its mail (RFC 5321, 5.1).
        case .noSuchRecord: groups = [[domain]]
        case .records(let records):
            groups = Self.groups(records)
            guard !groups.isEmpty else {
                return (MailRoute(way: .refused(code: 556, text: "5.1.10 The domain \(domain) takes no mail (null MX).")), TimeInterval(answer.ttl))
            }
        }
        let finding: MTASTSPolicies.Finding
        do {
            finding = try await policies.find(domain)
        } catch {
            return (MailRoute(way: .unknown(text: "4.3.0 The policies of \(domain) could not be looked up here.")), 0)
        }
        if let failure = finding.failure { count(failure, domain, finding.policy) }
        var found: [[MailRoute.Host]] = []
        for group in groups {
            var hosts: [MailRoute.Host] = []
            for name in group {
                if let host = await host(name, of: domain, isSigned: answer.isAuthentic, policy: finding.policy) { hosts.append(host) }
            }
            if !hosts.isEmpty { found.append(hosts) }
        }
        guard !found.isEmpty else {
            return (MailRoute(way: .unknown(text: "4.4.4 No server of \(domain) has an address that can be reached.")), 0)
        }
        let text = finding.policy.map { TLSReportCounts.Text(lines: $0.lines, hosts: $0.mx) } ?? TLSReportCounts.Text()
        return (MailRoute(way: .hosts(found), policyText: text), TimeInterval(answer.ttl))
    }

    /// By preference, each server once; none when the record says that the domain takes no mail (RFC 7505).
    static func groups(_ records: [DNSRecord]) -> [[String]] {
        var seen: Set<String> = []
        let servers = records.compactMap { record -> (preference: Int, host: String)? in
            if case .mailServer(let preference, let host) = record, !host.isEmpty { (preference, host) } else { nil }
        }.sorted { ($0.preference, $0.host) < ($1.preference, $1.host) }.filter { seen.insert($0.host).inserted }.prefix(mostHosts)
        var groups: [(preference: Int, hosts: [String])] = []
        for server in servers {
            if groups.last?.preference == server.preference {
                groups[groups.count - 1].hosts.append(server.host)
            } else {
                groups.append((server.preference, [server.host]))
            }
        }
        return groups.map(\.hosts)
    }

    /// Nil when it has no address.
    private nonisolated func host(_ name: String, of domain: String, isSigned: Bool, policy: MTASTSPolicy?) async -> MailRoute.Host? {
        async let fourAnswer = families.four ? resolver.query(name, .a) : DNSAnswer(.noSuchRecord)
        async let sixAnswer = families.six ? resolver.query(name, .aaaa) : DNSAnswer(.noSuchRecord)
        let (four, six) = await (fourAnswer, sixAnswer)
        let addresses = Self.interleaved(
            ((try? four.records()) ?? []).addresses, ((try? six.records()) ?? []).addresses
        ).prefix(Self.mostAddresses)
        guard !addresses.isEmpty else { return nil }
        var host = MailRoute.Host(name: name, addresses: Array(addresses))
        let answer = four.isAuthentic ? four : six
        guard isResolverTrusted, isSigned, answer.isAuthentic else {
            host.security = .of(name, domain: domain, tlsa: nil, policy: policy)
            return host
        }
        let (records, isUnknown) = await tlsa(of: name, aliases: answer.aliases)
        host.security = .of(name, domain: domain, tlsa: records, isTLSAUnknown: isUnknown, policy: policy)
        return host
    }

    /// Of the name that an alias leads to first, then of the server's own (RFC 7672, 2.2.3).
    private nonisolated func tlsa(of name: String, aliases: [String]) async -> (records: [TLSARecord]?, isUnknown: Bool) {
        for base in [aliases.last, name].compactMap(\.self) {
            let answer = await resolver.query("_\(port)._tcp.\(base)", .tlsa)
            if case .failed = answer.outcome { return (nil, true) }
            guard answer.isAuthentic, case .records(let records) = answer.outcome else { continue }
            let found = records.compactMap { record -> TLSARecord? in
                guard case .certificate(let usage, let selector, let matching, let data) = record else { return nil }
                return TLSARecord(usage: usage, selector: selector, matching: matching, data: data)
            }
            if !found.isEmpty { return (Array(found.prefix(32)), false) }
        }
        return (nil, false)
    }

    private static func interleaved(_ first: [String], _ second: [String]) -> [String] {
        (0..<max(first.count, second.count)).flatMap { index in [first, second].compactMap { index < $0.count ? $0[index] : nil } }
    }

    private nonisolated func count(_ failure: MTASTSFetcher.Failure, _ domain: String, _ policy: MTASTSPolicy?) {
        counts.add(
            .init(
                policy: .init(day: TLSReportCounts.day(of: clock.now), domain: domain, type: .mtaSTS), result: failure.result,
                reason: failure.reason),
            text: .init(lines: policy?.lines ?? [], hosts: policy?.mx ?? []))
    }

    private static func words(_ failure: DNSFailure) -> String {
        switch failure {
        case .server(let code): "error \(code)"
        case .timeout: "no answer in time"
        case .malformed: "a damaged answer"
        case .overloaded: "too many questions at once"
        }
    }
}
