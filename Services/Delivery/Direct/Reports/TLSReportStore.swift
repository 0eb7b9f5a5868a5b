import Foundation
import Postgres

/// The SQL of the counts of sessions.
struct TLSReportStore: Sendable {
    let database: Database

    /// One line: what sessions of a day under one policy came to at one server.
    struct Line: Sendable, Equatable, Encodable {
        let day: String
        let policyDomain: String
        let policyType: TLSPolicyType
        let resultType: TLSReportResult
        let mxHost: String
        let receivingIp: String
        let sendingIp: String
        let reason: String
        let sessions: Int64
    }

    /// Where a page ends.
    struct Place: Codable, Sendable {
        let domain: String
        let type: String
        let result: String
        let host: String
        let receiver: String
        let sender: String
        let reason: String
    }

    /// Adds a batch; replicas that write side by side lock in one order.
    func add(_ batch: TLSReportCounts.Batch) async throws {
        func order(_ policy: TLSReportCounts.Policy) -> [String] { [policy.day, policy.domain, policy.type.rawValue] }
        let sessions = batch.sessions.sorted { left, right in
            (order(left.key.policy) + [left.key.result.rawValue, left.key.host, left.key.receiver, left.key.sender, left.key.reason])
                .lexicographicallyPrecedes(
                    order(right.key.policy) + [right.key.result.rawValue, right.key.host, right.key.receiver, right.key.sender, right.key.reason])
        }
        let policies = batch.policies.sorted { order($0.key).lexicographicallyPrecedes(order($1.key)) }
        try await database.transaction { transaction in
            try await transaction.pipeline([
                """
                insert into tls_report_counts as c (
                    day, policy_domain, policy_type, result_type, mx_host, receiving_ip, sending_ip, reason, sessions)
                select n.day::date, n.policy_domain, n.policy_type, n.result_type, n.mx_host, n.receiving_ip, n.sending_ip, n.reason, n.sessions
                from unnest(\(sessions.map(\.key.policy.day)), \(sessions.map(\.key.policy.domain)), \(sessions.map(\.key.policy.type.rawValue)),
                            \(sessions.map(\.key.result.rawValue)), \(sessions.map(\.key.host)), \(sessions.map(\.key.receiver)),
                            \(sessions.map(\.key.sender)), \(sessions.map(\.key.reason)), \(sessions.map(\.value)))
                    as n (day, policy_domain, policy_type, result_type, mx_host, receiving_ip, sending_ip, reason, sessions)
                on conflict (day, policy_domain, policy_type, result_type, mx_host, receiving_ip, sending_ip, reason)
                    do update set sessions = c.sessions + excluded.sessions
                """,
                """
                insert into tls_report_policies (day, policy_domain, policy_type, policy, mx_hosts)
                select n.day::date, n.policy_domain, n.policy_type, n.policy::text[], n.mx_hosts::text[]
                from unnest(\(policies.map(\.key.day)), \(policies.map(\.key.domain)), \(policies.map(\.key.type.rawValue)),
                            \(policies.map { $0.value.lines.postgresText }), \(policies.map { $0.value.hosts.postgresText }))
                    as n (day, policy_domain, policy_type, policy, mx_hosts)
                on conflict (day, policy_domain, policy_type) do update set policy = excluded.policy, mx_hosts = excluded.mx_hosts
                """,
            ])
        }
    }

    /// The lines of a day, by domain, after `place`.
    func lines(of day: String, domain: String?, after place: Place?, limit: Int) async throws -> [Line] {
        try await database.query(
            """
            select day::text as day, policy_domain, policy_type, result_type, mx_host, receiving_ip, sending_ip, reason, sessions
            from tls_report_counts
            where day = \(day)::date and (\(domain)::text is null or policy_domain = \(domain)::text)
              and (policy_domain, policy_type, result_type, mx_host, receiving_ip, sending_ip, reason) > (\(place?.domain ?? ""),
                  \(place?.type ?? ""), \(place?.result ?? ""), \(place?.host ?? ""), \(place?.receiver ?? ""), \(place?.sender ?? ""),
                  \(place?.reason ?? ""))
            order by policy_domain, policy_type, result_type, mx_host, receiving_ip, sending_ip, reason limit \(limit)
            """
        ).map(Self.line)
    }

    /// What the policies of a domain said on a day.
    func policies(of domain: String, on day: String) async throws -> [TLSPolicyType: TLSReportCounts.Text] {
        let rows = try await database.query(
            "select policy_type, policy, mx_hosts from tls_report_policies where day = \(day)::date and policy_domain = \(domain)")
        return Dictionary(
            try rows.compactMap { row in
                try TLSPolicyType(rawValue: row.decode("policy_type")).map {
                    ($0, TLSReportCounts.Text(lines: try row.decode("policy"), hosts: try row.decode("mx_hosts")))
                }
            }
        ) { first, _ in first }
    }

    /// Forgets days before this one.
    func forget(before day: String) async throws {
        while try await database.query(
            "delete from tls_report_counts where ctid = any(array(select ctid from tls_report_counts where day < \(day)::date limit 5000))"
        ).affected >= 5_000 {}
        try await database.query("delete from tls_report_policies where day < \(day)::date")
    }

    private static func line(_ row: Row) throws -> Line {
        Line(
            day: try row.decode("day"), policyDomain: try row.decode("policy_domain"),
            policyType: TLSPolicyType(rawValue: try row.decode("policy_type")) ?? .none,
            resultType: TLSReportResult(rawValue: try row.decode("result_type")) ?? .validationFailure, mxHost: try row.decode("mx_host"),
            receivingIp: try row.decode("receiving_ip"), sendingIp: try row.decode("sending_ip"), reason: try row.decode("reason"),
            sessions: try row.decode("sessions"))
    }
}
