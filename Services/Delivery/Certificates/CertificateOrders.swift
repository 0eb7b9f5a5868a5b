import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of ordering: who has which host in hand, what was ordered lately, and what came of it.
struct CertificateOrders: Sendable {
    /// How long a host is somebody's; whoever dies with it leaves it to others then.
    static let lease: TimeInterval = 600
    /// How long the authority's questions are answered.
    static let challenge: TimeInterval = 300

    let database: Database
    let keyring: Keyring
    let directory: String
    let ordersPerHour: Int

    /// A host in one replica's hands.
    struct Claim: Sendable, Equatable {
        let tenant: TenantID
        let host: String
        let order: UUID
        /// The domain's name, while the host is proven and the domain the tenant's own.
        let domain: String?
        let organisation: String
        let isRenewal: Bool
        let attempts: Int
        let workspace: WorkspaceID?
        let domainID: DomainID
    }

    /// Certificates of another authority than the one that issues now are ordered anew.
    func adopt(at now: Date) async throws {
        try await database.query(
            """
            update tracking_certificates set next_at = \(now)
            where state = 'issued' and authority <> \(directory) and (next_at is null or next_at > \(now))
            """)
    }

    /// The host that is due the longest.
    func take(at now: Date) async throws -> Claim? {
        let order = UUID.v7(at: now)
        return try await database.query(
            """
            with picked as materialized (
                select tenant_id, host from tracking_certificates where next_at <= \(now) order by next_at limit 1 for update skip locked)
            update tracking_certificates c set next_at = \(now.addingTimeInterval(Self.lease)), order_id = \(order)
            from picked p join tracking_certificates s on s.tenant_id = p.tenant_id and s.host = p.host
            join domains d on d.tenant_id = s.tenant_id and d.id = s.domain_id
            left join domain_owners o on o.name = d.name and o.tenant_id = d.tenant_id
            where c.tenant_id = p.tenant_id and c.host = p.host
            returning c.tenant_id, c.host, c.organisation, c.certificate is not null as is_renewal, c.attempts, c.domain_id, d.workspace_id,
                case when d.tracking_host = c.host and o.name is not null then d.name end as domain
            """
        ).first.map { row in
            Claim(
                tenant: try row.decode("tenant_id"), host: try row.decode("host"), order: order, domain: try row.decodeOptional("domain"),
                organisation: try row.decode("organisation"), isRenewal: try row.decode("is_renewal"), attempts: try row.decode("attempts"),
                workspace: try row.decodeOptional("workspace_id"), domainID: try row.decode("domain_id"))
        }
    }

    /// The CNAME is not what it was: the domain's check will say when it is again.
    func wait(_ claim: Claim) async throws {
        try await database.query(
            """
            update tracking_certificates set state = 'waiting', next_at = null, order_id = null
            where tenant_id = \(claim.tenant) and host = \(claim.host) and order_id = \(claim.order)
            """)
    }

    /// Somebody looks again at `instant`.
    func putOff(_ claim: Claim, until instant: Date) async throws {
        try await database.query(
            """
            update tracking_certificates set next_at = \(instant), order_id = null
            where tenant_id = \(claim.tenant) and host = \(claim.host) and order_id = \(claim.order)
            """)
    }

    enum Admission: Sendable, Equatable {
        case go
        /// Until then, and why; nil: there is a queue.
        case later(Date, CertificateFailure?)
        /// It is not ours any more.
        case lost
    }

    /// Whether the order may go now, counted one after the other over all replicas, and written down with the answer.
    func admit(_ claim: Claim, at now: Date) async throws -> Admission {
        try await database.transaction { transaction in
            try await transaction.query("select pg_advisory_xact_lock(hashtextextended('certificate_orders', 0))")
            let counts = try await counts(claim, at: now, in: transaction)
            if let obstacle = CertificatePolicy.obstacle(counts, ordersPerHour: ordersPerHour, isRenewal: claim.isRenewal) {
                let until = now.addingTimeInterval(obstacle.pause)
                let kept = try await write(obstacle.failure, of: claim, until: until, at: now, counts: false, in: transaction)
                return kept ? .later(until, obstacle.failure) : .lost
            }
            let isOurs =
                try await transaction.query(
                    """
                    update tracking_certificates set challenge_until = \(now.addingTimeInterval(Self.challenge))
                    where tenant_id = \(claim.tenant) and host = \(claim.host) and order_id = \(claim.order)
                    """
                ).affected > 0
            guard isOurs else { return .lost }
            try await transaction.query(
                """
                insert into certificate_orders (tenant_id, id, host, organisation, is_renewal, ordered_at)
                values (\(claim.tenant), \(claim.order), \(claim.host), \(claim.organisation), \(claim.isRenewal), \(now))
                """)
            return .go
        }
    }

    private func counts(_ claim: Claim, at now: Date, in transaction: Transaction) async throws -> CertificatePolicy.Counts {
        let (hour, week) = (now.addingTimeInterval(-3_600), now.addingTimeInterval(-7 * 86_400))
        let row = try await transaction.query(
            """
            select (select count(*) from certificate_orders where ordered_at > \(hour)) as orders,
                (select count(*) from certificate_orders where host = \(claim.host) and ordered_at > \(hour) and outcome is distinct from 'issued')
                    as failures,
                (select count(*) from certificate_orders where host = \(claim.host) and ordered_at > \(week) and outcome = 'issued') as issued,
                (select count(*) from certificate_orders where organisation = \(claim.organisation) and ordered_at > \(week) and outcome = 'issued'
                    and not is_renewal) as organisation
            """
        ).first
        guard let row else { return CertificatePolicy.Counts() }
        return CertificatePolicy.Counts(
            orders: Int(try row.decode("orders", as: Int64.self)), failures: Int(try row.decode("failures", as: Int64.self)),
            issued: Int(try row.decode("issued", as: Int64.self)), organisation: Int(try row.decode("organisation", as: Int64.self)))
    }

    /// The certificate is there; false when the host was removed, or the order taken over, meanwhile.
    func finish(_ claim: Claim, _ issued: IssuedCertificate, at now: Date, in transaction: Transaction) async throws -> Bool {
        let sealed = try keyring.seal(Data(issued.key.utf8), for: Self.place(claim.host, of: claim.tenant))
        let renewal = CertificatePolicy.renewal(from: issued.startsAt, to: issued.endsAt)
        try await note("issued", claim, in: transaction)
        return try await transaction.query(
            """
            update tracking_certificates set state = 'issued', order_id = null, challenge_until = null, attempts = 0, failure_kind = null,
                failure = null, failed_at = null, authority = \(directory), certificate = \(issued.chain), key_sealed = \(sealed),
                issued_at = \(now), expires_at = \(issued.endsAt), renew_at = \(renewal), next_at = \(renewal), changed_at = \(now),
                usable_from = case when expires_at > \(now) then usable_from else \(now.addingTimeInterval(TrackingCertificate.settling)) end
            where tenant_id = \(claim.tenant) and host = \(claim.host) and order_id = \(claim.order)
            """
        ).affected > 0
    }

    /// As ``finish(_:_:at:in:)``, of an order that failed.
    func finish(_ claim: Claim, _ failure: CertificateFailure, until instant: Date, at now: Date, in transaction: Transaction) async throws -> Bool {
        try await note("failed", claim, in: transaction)
        return try await write(failure, of: claim, until: instant, at: now, counts: true, in: transaction)
    }

    /// A certificate that is still valid stays what it is.
    private func write(
        _ failure: CertificateFailure?, of claim: Claim, until instant: Date, at now: Date, counts: Bool, in transaction: Transaction
    ) async throws -> Bool {
        guard let failure else {
            return try await transaction.query(
                """
                update tracking_certificates set next_at = \(instant), order_id = null
                where tenant_id = \(claim.tenant) and host = \(claim.host) and order_id = \(claim.order)
                """
            ).affected > 0
        }
        return try await transaction.query(
            """
            update tracking_certificates set state = case when expires_at > \(now) then 'issued' else 'failing' end, order_id = null,
                challenge_until = null, attempts = attempts + \(counts ? 1 : 0), failure_kind = \(failure.kind.rawValue),
                failure = \(failure.detail), failed_at = \(now), next_at = \(instant)
            where tenant_id = \(claim.tenant) and host = \(claim.host) and order_id = \(claim.order)
            """
        ).affected > 0
    }

    private func note(_ outcome: String, _ claim: Claim, in transaction: Transaction) async throws {
        try await transaction.query(
            "update certificate_orders set outcome = \(outcome) where tenant_id = \(claim.tenant) and id = \(claim.order)")
    }

    /// What nothing needs any more: orders that no limit counts, and the certificates of hosts that ended while their CNAME was away.
    static func tidy(before instant: Date, now: Date, in database: Database) async throws {
        try await database.query("delete from certificate_orders where ordered_at < \(instant)")
        try await database.query(
            """
            update tracking_certificates set certificate = null, key_sealed = null, authority = null, issued_at = null, expires_at = null,
                renew_at = null, usable_from = null where state = 'waiting' and expires_at < \(now)
            """)
    }

    static func place(_ host: String, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "tracking_certificates.key", row: host, tenant: tenant.uuid)
    }
}
