import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// A company's list in the hands of its people: reading, adding, lifting, asking.
struct TenantSuppressions: Sendable {
    let api: Database
    let worker: Database
    let suppressions: Suppressions
    let outbox: Outbox
    let clock: WallClock

    private var digests: AddressDigests { suppressions.erased.digests }

    // MARK: - Reading

    /// Newest first, those before `cursor`; what the identity may not see is left out.
    func list(_ filter: SuppressionFilter, for identity: Identity, before cursor: SuppressionID?, limit: Int) async throws -> [SuppressionView] {
        let (tenant, now) = (identity.tenant, clock.now)
        var subjects: [String]?
        var digest: Data?
        if let address = filter.address?.lowercased() {
            subjects = SuppressionSubject.blocking(address)
            digest = try await digests.digester(of: tenant, in: worker)?.digest(address)
        }
        return try await api.query(
            as: tenant,
            """
            select \(SuppressionView.columns) from suppressions x
            where x.tenant_id = \(tenant) and (\(cursor)::uuid is null or x.id < \(cursor))
              and (\(identity.workspaces)::uuid[] is null or x.workspace_id is null or x.workspace_id = any(\(identity.workspaces)))
              and (\(filter.workspace)::uuid is null or x.workspace_id = \(filter.workspace))
              and (\(filter.reason?.rawValue)::text is null or x.reason = \(filter.reason?.rawValue))
              and (\(filter.kind)::text is null or \(filter.kind) = case when x.address is null then 'erased'
                  when starts_with(x.address, '@') then 'domain' else 'address' end)
              and (\(subjects)::text[] is null or x.address = any(\(subjects)) or x.address_digest = \(digest))
              and (\(filter.includesEnded) or x.expires_at is null or x.expires_at > \(now))
            order by x.id desc limit \(limit)
            """
        ).map(SuppressionView.init)
    }

    /// Nil when there is none, or none that the identity may see.
    func find(_ id: SuppressionID, for identity: Identity) async throws -> SuppressionView? {
        let found = try await api.query(
            as: identity.tenant,
            "select \(SuppressionView.columns) from suppressions x where x.tenant_id = \(identity.tenant) and x.id = \(id)"
        ).first.map(SuppressionView.init)
        return found.flatMap { view in view.workspace.map(identity.mayUse) ?? true ? view : nil }
    }

    /// Which of the addresses are blocked, by which scope and why: in the workspace, or anywhere that the identity may see.
    func check(_ addresses: [String], workspace: WorkspaceID?, for identity: Identity) async throws -> [SuppressionVerdict] {
        let (tenant, now) = (identity.tenant, clock.now)
        let wanted = Array(Set(addresses.map { $0.lowercased() }))
        let visible = workspace.map { [$0] } ?? identity.workspaces
        var blocks: [String: [SuppressionVerdict.Block]] = [:]
        let platform = try await worker.query(
            """
            select a.address from unnest(\(wanted)) as a (address) where exists (
                select from platform_suppressions p where p.address in (a.address, '@' || split_part(a.address, '@', -1))
                  and (p.expires_at is null or p.expires_at > \(now)))
            """)
        for row in platform { blocks[try row.decode("address"), default: []].append(.init(scope: "platform")) }
        let named = try await api.query(
            as: tenant,
            """
            select a.address as asked, \(SuppressionView.columns) from unnest(\(wanted)) as a (address)
            join suppressions x on x.tenant_id = \(tenant) and x.address in (a.address, '@' || split_part(a.address, '@', -1))
            where (x.expires_at is null or x.expires_at > \(now))
              and (\(visible)::uuid[] is null or x.workspace_id is null or x.workspace_id = any(\(visible)))
            order by x.id
            """)
        for row in named { blocks[try row.decode("asked"), default: []].append(.init(try SuppressionView(row: row))) }
        // In this order: an address that becomes a digest between the two questions is found by the second.
        if let digester = try await digests.digester(of: tenant, in: worker) {
            let byDigest = Dictionary(wanted.map { (digester.digest($0), $0) }) { first, _ in first }
            let unnamed = try await api.query(
                as: tenant,
                """
                select x.address_digest, \(SuppressionView.columns) from suppressions x
                where x.tenant_id = \(tenant) and x.address_digest = any(\(Array(byDigest.keys))) and (x.expires_at is null or x.expires_at > \(now))
                  and (\(visible)::uuid[] is null or x.workspace_id is null or x.workspace_id = any(\(visible)))
                order by x.id
                """)
            for row in unnamed {
                guard let address = byDigest[try row.decode("address_digest")] else { continue }
                blocks[address, default: []].append(.init(try SuppressionView(row: row)))
            }
        }
        return addresses.map { address in
            let found = blocks[address.lowercased()] ?? []
            return SuppressionVerdict(address: address, isBlocked: !found.isEmpty, blocks: found)
        }
    }

    // MARK: - Changing

    typealias Audit = (_ action: String, _ metadata: [String: String], _ workspace: WorkspaceID?) -> AuditRecord

    /// Puts entries on the list; how many are new there or say more now.
    func add(
        _ entries: [SuppressionStore.Entry], _ scope: SuppressionStore.Scope, source: String, by identity: Identity, audit: AuditRecord
    ) async throws -> Int {
        let now = clock.now
        let added = try await api.transaction(as: identity.tenant) { transaction in
            let added = try await suppressions.enter(
                entries, scope, Self.origin(source, identity), of: identity.tenant, now: now, in: transaction
            ).count
            guard added > 0 else { return 0 }
            try await note(audit, added: added, lifted: 0, scope.workspace, identity, at: now, in: transaction)
            return added
        }
        outbox.wake()
        return added
    }

    static func origin(_ source: String, _ identity: Identity) -> SuppressionStore.Origin {
        .init(source: source, createdBy: "\(identity.actor.kind):\(identity.actor.id)")
    }

    /// Takes an entry off; false when it has gone already.
    func lift(_ view: SuppressionView, by identity: Identity, audit: AuditRecord) async throws -> Bool {
        let now = clock.now
        let gone = try await api.transaction(as: identity.tenant) { transaction in
            // As it was when it was decided: one that has become somebody's own wish meanwhile stays.
            let gone = try await transaction.query(
                "delete from suppressions where tenant_id = \(identity.tenant) and id = \(view.id) and reason = \(view.reason)"
            ).affected
            guard gone > 0 else { return false }
            try await note(audit, added: 0, lifted: 1, view.workspace, identity, at: now, in: transaction)
            return true
        }
        outbox.wake()
        return gone
    }

    /// That somebody takes the addresses away, before the first of them is sent.
    func noteExport(
        _ filter: SuppressionFilter, by identity: Identity, audit: (_ target: AuditRecord.Target, _ metadata: [String: String]) -> AuditRecord
    ) async throws {
        var metadata = ["ended": String(filter.includesEnded)]
        metadata["reason"] = filter.reason?.rawValue
        metadata["kind"] = filter.kind
        metadata["address"] = filter.address
        let record = audit(SuppressionRoutes.target(.init(workspace: filter.workspace), identity), metadata)
        let event = try PendingEvent(
            DeliveryEvents.SuppressionsExported(workspace: filter.workspace), at: clock.now, tenant: identity.tenant, workspace: filter.workspace,
            actor: identity.actor, audit: record)
        try await api.transaction(as: identity.tenant) { try await outbox.append([event], in: $0) }
        outbox.wake()
    }

    func note(
        _ audit: AuditRecord, added: Int, lifted: Int, _ workspace: WorkspaceID?, _ identity: Identity, at now: Date, in transaction: Transaction
    ) async throws {
        let event = try PendingEvent(
            DeliveryEvents.SuppressionsChanged(added: added, lifted: lifted, workspace: workspace), at: now, tenant: identity.tenant,
            workspace: workspace, actor: identity.actor, audit: audit)
        try await outbox.append([event], in: transaction)
    }
}

extension SuppressionVerdict.Block {
    init(_ view: SuppressionView) {
        self.init(
            scope: view.scope, kind: view.kind, reason: view.reason, workspace: view.workspace, campaign: view.campaign, expiresAt: view.expiresAt)
    }
}
