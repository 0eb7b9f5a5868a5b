import Contracts
import Foundation
import Postgres

/// Says who an audience is at this moment. Only leads that are attached to the workspace are in any; nobody's right to be written to is looked at.
///
/// Errors are ``AudienceError``. From the first question on, the transaction prefers indexes to reading tables whole and compiles no plans: a
/// condition nobody can estimate must not turn a walk that stops at its page into one over everything.
struct AudienceResolver: Sendable {
    static let preferringIndexes: SQL = "select set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"

    /// At most `limit` leads after `start`, in the order of their identifiers.
    func leads(
        of audience: Audience, tenant: TenantID, workspace: WorkspaceID, after start: LeadID?, limit: Int, now: Date, in transaction: Transaction
    ) async throws -> [LeadID] {
        let query = try await resolve(audience, tenant: tenant, workspace: workspace, now: now, in: transaction)
        return try await leads(query.page(after: start, limit: limit), in: transaction)
    }

    /// Those of the leads that are in the audience now.
    func stillMatching(
        _ leads: [LeadID], of audience: Audience, tenant: TenantID, workspace: WorkspaceID, now: Date, in transaction: Transaction
    ) async throws -> Set<LeadID> {
        guard !leads.isEmpty else { return [] }
        let query = try await resolve(audience, tenant: tenant, workspace: workspace, now: now, in: transaction)
        return Set(try await self.leads(query.among(leads), in: transaction))
    }

    /// Those of the leads, attached anywhere or nowhere, that a filter of the workspace means now: for the conditions of a sequence.
    func matching(
        _ leads: [LeadID], filter: SegmentFilter, tenant: TenantID, workspace: WorkspaceID, now: Date, in transaction: Transaction
    ) async throws -> Set<LeadID> {
        guard !leads.isEmpty else { return [] }
        let condition = try compile(filter, try await SegmentStore.fields(of: tenant, in: transaction), workspace: workspace, now: now)
        return Set(
            try await self.leads(
                "select l.id as lead_id from leads l where l.tenant_id = \(tenant) and l.id = any(\(leads)) and \(condition)", in: transaction))
    }

    /// How many there are; counting stops at `cap`.
    func count(
        upTo cap: Int, of audience: Audience, tenant: TenantID, workspace: WorkspaceID, now: Date, in transaction: Transaction
    ) async throws -> Int {
        let query = try await resolve(audience, tenant: tenant, workspace: workspace, now: now, in: transaction)
        return try await count(query, upTo: cap, in: transaction)
    }

    /// How many there are in each of the leads' own time zones; counting stops at `cap`.
    func countByZone(
        upTo cap: Int, of audience: Audience, tenant: TenantID, workspace: WorkspaceID, now: Date, in transaction: Transaction
    ) async throws -> [(zone: String?, leads: Int)] {
        let query = try await resolve(audience, tenant: tenant, workspace: workspace, now: now, in: transaction)
        let answers = try await transaction.pipeline([Self.preferringIndexes, query.zones(of: tenant, upTo: cap)])
        return try answers[1].map { (zone: try $0.decodeOptional("zone"), leads: try $0.decode("n")) }
    }

    // MARK: - Queries

    func leads(_ page: SQL, in transaction: Transaction) async throws -> [LeadID] {
        try await transaction.pipeline([Self.preferringIndexes, page])[1].map { try $0.decode("lead_id") }
    }

    func count(_ query: AudienceQuery, upTo cap: Int, in transaction: Transaction) async throws -> Int {
        try await transaction.pipeline([Self.preferringIndexes, query.count(upTo: cap)])[1][0].decode("n")
    }

    /// The leads themselves, in the order of their identifiers.
    func read(_ leads: [LeadID], tenant: TenantID, in transaction: Transaction) async throws -> [Lead] {
        guard !leads.isEmpty else { return [] }
        return try await transaction.query(
            "select \(Lead.columns) from leads l where l.tenant_id = \(tenant) and l.id = any(\(leads)) order by l.id"
        ).map(Lead.init(row:))
    }

    private func resolve(
        _ audience: Audience, tenant: TenantID, workspace: WorkspaceID, now: Date, in transaction: Transaction
    ) async throws -> AudienceQuery {
        switch audience {
        case .workspace: return .workspace(workspace, of: tenant)
        case .list(let list):
            guard try await ListStore.find(list, of: tenant, in: transaction)?.workspace == workspace else { throw AudienceError.listGone }
            return .list(list, in: workspace, of: tenant)
        case .segment(let segment):
            let found = try await SegmentStore.filter(of: segment, tenant: tenant, workspace: workspace, in: transaction)
            guard let (filter, fields) = found else { throw AudienceError.segmentGone }
            return .filtered(by: try compile(filter, fields, workspace: workspace, now: now), in: workspace, of: tenant)
        }
    }

    private func compile(
        _ filter: SegmentFilter, _ fields: [String: CustomFieldKind], workspace: WorkspaceID, now: Date
    ) throws(AudienceError) -> SQL {
        do throws(SegmentFilter.Invalid) {
            return try SegmentCompiler(fields: fields, workspace: workspace, now: now).condition(filter)
        } catch {
            throw .segmentInvalid(error)
        }
    }
}
