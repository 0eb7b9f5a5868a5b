import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Making, changing and asking segments.
struct Segments: Sendable {
    typealias Audit = @Sendable (_ action: String, AuditRecord.Target, [AuditRecord.Change]) -> AuditRecord

    let database: Database
    let outbox: Outbox
    let clock: WallClock
    private let resolver = AudienceResolver()

    init(database: Database, outbox: Outbox, clock: WallClock) {
        self.database = database
        self.outbox = outbox
        self.clock = clock
    }

    func create(name: String, filter: SegmentFilter, workspace: WorkspaceID, by identity: Identity, audit: Audit) async throws -> Segment {
        let now = clock.now
        let segment = Segment(id: SegmentID(.v7(at: now)), workspace: workspace, name: name, filter: filter, createdAt: now, updatedAt: now)
        let event = try pending(CampaignsEvents.SegmentCreated(segment: segment.id), segment, identity, audit("segment.create", segment.target, []))
        try await saving(as: identity.tenant) { transaction in
            _ = try await compile(filter, in: workspace, tenant: identity.tenant, in: transaction)
            try await SegmentStore.insert(segment, of: identity.tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return segment
    }

    /// Replaces name and filter; the leads that it means change from the next question on, also for campaigns that write to it.
    func change(
        _ id: SegmentID, name: String, filter: SegmentFilter, expected: Revision?, by identity: Identity, audit: Audit
    ) async throws -> Segment {
        let now = clock.now
        let changed = try await saving(as: identity.tenant) { transaction in
            let old = try await locked(id, expected, identity, in: transaction)
            var segment = old
            segment.name = name
            segment.filter = filter
            guard segment != old else { return old }
            segment.revision += 1
            segment.updatedAt = now
            _ = try await compile(filter, in: old.workspace, tenant: identity.tenant, in: transaction)
            try await SegmentStore.update(segment, of: identity.tenant, in: transaction)
            // The filter itself may hold addresses and names of people: the trail says only that it changed.
            let changes = old.name == name ? [] : [AuditRecord.Change(path: "name", before: old.name, after: name)]
            let event = try pending(
                CampaignsEvents.SegmentChanged(segment: id), segment, identity, audit("segment.update", segment.target, changes))
            try await outbox.append([event], in: transaction)
            return segment
        }
        outbox.wake()
        return changed
    }

    /// Problem `segment_in_use` while a campaign that is not over writes to it.
    func delete(_ id: SegmentID, expected: Revision?, by identity: Identity, audit: Audit) async throws {
        try await database.transaction(as: identity.tenant) { transaction in
            let segment = try await locked(id, expected, identity, in: transaction)
            guard try await !CampaignStore.isAudience(.segment(id), of: identity.tenant, in: transaction) else {
                throw Problem.conflict(
                    kind: "segment_in_use", title: "A campaign writes to this segment.",
                    detail: "Archive the campaign or give it another audience first.")
            }
            try await SegmentStore.delete(id, of: identity.tenant, in: transaction)
            let event = try pending(CampaignsEvents.SegmentDeleted(segment: id), segment, identity, audit("segment.delete", segment.target, []))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    // MARK: - Asking

    /// How many leads a filter would mean, and five of them.
    func preview(_ filter: SegmentFilter, workspace: WorkspaceID, tenant: TenantID) async throws -> SegmentPreview {
        try await inTime(as: tenant) { transaction in
            let condition = try await compile(filter, in: workspace, tenant: tenant, in: transaction)
            let query = AudienceQuery.filtered(by: condition, in: workspace, of: tenant)
            let counted = SegmentCount(try await resolver.count(query, upTo: SegmentCount.cap + 1, in: transaction))
            // Where nobody was found, looking for five would be a second walk through everybody.
            guard counted.count > 0 else { return SegmentPreview(count: 0, isCapped: false, sample: []) }
            let sample = try await resolver.leads(query.page(after: nil, limit: 5), in: transaction)
            return SegmentPreview(
                count: counted.count, isCapped: counted.isCapped, sample: try await resolver.read(sample, tenant: tenant, in: transaction))
        }
    }

    func count(_ segment: Segment, tenant: TenantID) async throws -> SegmentCount {
        try await inTime(as: tenant) { transaction in
            SegmentCount(
                try await resolver.count(
                    upTo: SegmentCount.cap + 1, of: .segment(segment.id), tenant: tenant, workspace: segment.workspace, now: clock.now,
                    in: transaction))
        }
    }

    func leads(_ segment: Segment, tenant: TenantID, after start: LeadID?, limit: Int) async throws -> [Lead] {
        try await inTime(as: tenant) { transaction in
            let leads = try await resolver.leads(
                of: .segment(segment.id), tenant: tenant, workspace: segment.workspace, after: start, limit: limit, now: clock.now, in: transaction)
            return try await resolver.read(leads, tenant: tenant, in: transaction)
        }
    }

    /// Ends each statement after five seconds: a question that takes longer is not worth the database's time.
    private func inTime<Value: Sendable>(as tenant: TenantID, _ body: (Transaction) async throws -> Value) async throws -> Value {
        do {
            return try await database.inTime("5s", as: tenant, body)
        } catch let error as AudienceError {
            throw Problem(error)
        }
    }

    // MARK: - Saving

    private func saving<Value: Sendable>(as tenant: TenantID, _ body: (Transaction) async throws -> Value) async throws -> Value {
        do {
            return try await database.transaction(as: tenant) { try await body($0) }
        } catch let error as PostgresError where error.code == .uniqueViolation {
            throw Problem.conflict(kind: "name_taken", title: "The workspace has a segment of this name.", detail: "Give it another name.")
        }
    }

    private func locked(_ id: SegmentID, _ expected: Revision?, _ identity: Identity, in transaction: Transaction) async throws -> Segment {
        guard let segment = try await SegmentStore.lock(id, of: identity.tenant, in: transaction), identity.mayUse(segment.workspace) else {
            throw Problem.notFound("segment")
        }
        try Revision(segment.revision).check(expected)
        return segment
    }

    private func compile(
        _ filter: SegmentFilter, in workspace: WorkspaceID, tenant: TenantID, in transaction: Transaction
    ) async throws -> SQL {
        let fields = try await SegmentStore.fields(of: tenant, in: transaction)
        do throws(SegmentFilter.Invalid) {
            return try SegmentCompiler(fields: fields, workspace: workspace, now: clock.now).condition(filter)
        } catch {
            throw Problem(error)
        }
    }

    private func pending(_ event: some Event, _ segment: Segment, _ identity: Identity, _ audit: AuditRecord) throws -> PendingEvent {
        try PendingEvent(
            event, at: clock.now, tenant: identity.tenant, workspace: segment.workspace,
            aggregate: Aggregate(kind: "segment", id: segment.id.description, version: segment.revision), actor: identity.actor, audit: audit)
    }
}

extension Segment {
    fileprivate var target: AuditRecord.Target {
        .init(type: "segment", id: id.description, name: name)
    }
}

extension Problem {
    /// 422 `segment_invalid`, with the place and what to do about it.
    init(_ invalid: SegmentFilter.Invalid) {
        self = .unprocessable(
            kind: "segment_invalid", title: "The filter cannot be used.",
            detail: invalid.path.isEmpty ? invalid.detail : "\(invalid.path): \(invalid.detail)", extensions: ["path": .text(invalid.path)])
    }

    init(_ error: AudienceError) {
        self =
            switch error {
            case .segmentGone: .notFound("segment")
            case .listGone: .notFound("list")
            case .segmentInvalid(let invalid): Problem(invalid)
            }
    }
}
