import Contracts
import Foundation
import Logging
import Postgres
import Primitives

/// Asks the configured blacklists, once a day and a name, about the domains that tenants send from and about the operator's own servers.
///
/// Off while no zone is configured. Tenants' mail leaves through their providers' servers, whose addresses are none of ours to ask about: only
/// hosts that the operator names as his own are looked up.
struct BlacklistChecks: Sendable {
    struct Configuration: Sendable {
        var zones: [BlacklistZone] = []
        /// SMTP hosts of the operator, in lower case.
        var ownHosts: Set<String> = []
        /// The resolvers that questions go through, where they are configured.
        var resolvers: [String] = []
    }

    let database: Database
    let configuration: Configuration
    /// IPv4 addresses of a name: empty when there is none, nil when nobody could be asked.
    let lookup: @Sendable (String) async -> [String]?
    let clock: WallClock
    let logger: Logger

    private static let batch = 500
    /// Questions on their way at once.
    private static let width = 8

    struct Subject: Sendable, Hashable {
        let kind: BlacklistZone.Kind
        let name: String
        /// Of an address.
        var host: String?
    }

    func run() async throws {
        guard !configuration.zones.isEmpty else { return }
        let zones = await usableZones()
        try await checkDomains(zones.filter { $0.zone.kind == .domain })
        try await checkHosts(zones.filter { $0.zone.kind == .ip })
        // Of zones, domains and hosts that are not asked about any more nothing is known; two days leave room for a run that did not end.
        let now = clock.now
        try await database.query(
            """
            delete from blacklist_results
            where greatest(checked_at, failed_at) < \(now.addingTimeInterval(-7 * 86_400)) or zone <> all(\(configuration.zones.map(\.name)))
            """)
    }

    /// A zone, and why it is not to be believed.
    private struct Usable: Sendable {
        let zone: BlacklistZone
        let fault: String?
    }

    private func usableZones() async -> [Usable] {
        var usable: [Usable] = []
        let goesPublic = configuration.resolvers.contains(where: PublicResolvers.contains)
        for zone in configuration.zones {
            if zone.refusesPublicResolvers, goesPublic {
                usable.append(Usable(zone: zone, fault: "the zone must not be asked through a public resolver: configure a resolver of your own"))
                continue
            }
            switch zone.verdict(await lookup(zone.neverListed)) {
            case .clean: usable.append(Usable(zone: zone, fault: nil))
            case .listed: usable.append(Usable(zone: zone, fault: "the zone lists what nobody lists: it is not to be believed"))
            case .unknown(let why): usable.append(Usable(zone: zone, fault: why))
            }
            if let fault = usable.last?.fault { logger.warning("blacklist not usable", metadata: ["zone": "\(zone.name)", "reason": "\(fault)"]) }
        }
        return usable
    }

    private func checkDomains(_ zones: [Usable]) async throws {
        guard !zones.isEmpty else { return }
        var after = ""
        while true {
            let domains = try await database.query(
                """
                select distinct split_part(m.address, '@', 2) as domain from mailboxes m where split_part(m.address, '@', 2) > \(after)
                order by 1 limit \(Self.batch)
                """
            ).map { try $0.decode("domain", as: String.self) }
            try await check(domains.map { Subject(kind: .domain, name: $0) }, zones)
            guard let last = domains.last, domains.count == Self.batch else { return }
            after = last
        }
    }

    private func checkHosts(_ zones: [Usable]) async throws {
        guard !zones.isEmpty, !configuration.ownHosts.isEmpty else { return }
        var subjects: [Subject] = []
        for host in configuration.ownHosts.sorted() {
            for address in await lookup(host) ?? [] { subjects.append(Subject(kind: .ip, name: address, host: host)) }
        }
        try await check(subjects, zones)
    }

    private func check(_ subjects: [Subject], _ zones: [Usable]) async throws {
        for usable in zones {
            var answers: [(Subject, BlacklistZone.Verdict)] = []
            for start in stride(from: 0, to: subjects.count, by: Self.width) {
                answers += await ask(Array(subjects[start..<min(subjects.count, start + Self.width)]), usable)
            }
            try await store(answers, of: usable.zone)
        }
    }

    private func ask(_ subjects: [Subject], _ usable: Usable) async -> [(Subject, BlacklistZone.Verdict)] {
        if let fault = usable.fault { return subjects.map { ($0, .unknown(fault)) } }
        return await withTaskGroup(of: (Subject, BlacklistZone.Verdict)?.self) { group in
            for subject in subjects {
                guard let question = usable.zone.question(about: subject.name) else { continue }
                group.addTask { (subject, usable.zone.verdict(await lookup(question))) }
            }
            return await group.reduce(into: []) { answers, answer in
                if let answer { answers.append(answer) }
            }
        }
    }

    /// For every tenant that sends from the domain or through the host. What could not be asked changes no verdict that was.
    private func store(_ answers: [(Subject, BlacklistZone.Verdict)], of zone: BlacklistZone) async throws {
        guard !answers.isEmpty else { return }
        let now = clock.now
        let parts = answers.map { _, verdict -> (status: String, codes: String, meaning: String?, failure: String?) in
            switch verdict {
            case .clean: ("clean", "", nil, nil)
            case .listed(let codes, let meaning): ("listed", codes.joined(separator: " "), meaning, nil)
            case .unknown(let why): ("unknown", "", nil, why)
            }
        }
        let concerned: SQL =
            zone.kind == .domain
            ? "select distinct m.tenant_id from mailboxes m where split_part(m.address, '@', 2) = n.subject"
            : "select distinct m.tenant_id from mailboxes m where lower(m.smtp_host) = n.host"
        try await database.query(
            """
            insert into blacklist_results as b (tenant_id, kind, subject, zone, host, status, codes, meaning, listed_since, checked_at,
                failed_at, failure)
            select t.tenant_id, \(zone.kind), n.subject, \(zone.name), n.host, n.status, array_remove(string_to_array(n.codes, ' '), ''), n.meaning,
                case when n.status = 'listed' then \(now)::timestamptz end, case when n.failure is null then \(now)::timestamptz end,
                case when n.failure is not null then \(now)::timestamptz end, n.failure
            from unnest(\(answers.map(\.0.name)), \(PostgresOptionals(answers.map(\.0.host))), \(parts.map(\.status)), \(parts.map(\.codes)),
                \(PostgresOptionals(parts.map(\.meaning))), \(PostgresOptionals(parts.map(\.failure))))
                as n (subject, host, status, codes, meaning, failure)
            cross join lateral (\(concerned)) t
            order by t.tenant_id, n.subject
            on conflict (tenant_id, kind, subject, zone) do update set host = excluded.host,
                status = case when excluded.failure is null then excluded.status else b.status end,
                codes = case when excluded.failure is null then excluded.codes else b.codes end,
                meaning = case when excluded.failure is null then excluded.meaning else b.meaning end,
                listed_since = case when excluded.failure is not null then b.listed_since
                    when excluded.status = 'listed' then coalesce(b.listed_since, excluded.listed_since) end,
                checked_at = coalesce(excluded.checked_at, b.checked_at), failed_at = excluded.failed_at, failure = excluded.failure
            """)
    }
}
