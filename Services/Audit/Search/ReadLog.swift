import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Synchronization

/// Keeps in a company's trail that somebody read it: support and staff at each request, the company's own people once an hour for the same
/// search of a session. What it writes is read like anything else and is no reading itself.
struct ReadLog: Sendable {
    /// Scalars of what was searched for: each has at most four bytes, and an entry takes 2,000 bytes for a value.
    private static let longestSearch = 500

    /// Of the `_worker` role: a reader may write nothing.
    let database: Database
    let acts: OwnActs
    let clock: WallClock
    let recent: RecentReads

    /// A read by the operator's people: why and what, for the company to see. Throws when it could not be kept; then nothing may be shown.
    func staff(_ what: String, search: String, of tenant: TenantID, by identity: Identity, _ context: AppContext) async throws {
        var metadata = ["read": what]
        // By scalars: what people see as one character may be of any length.
        let shown = Self.withoutAddresses(search)
        if !shown.isEmpty { metadata["search"] = String(String.UnicodeScalarView(shown.unicodeScalars.prefix(Self.longestSearch))) }
        if let support = identity.support { metadata["support_session"] = support.text }
        if let role = identity.staff { metadata["staff_role"] = role.rawValue }
        try await write(Self.record(metadata, of: tenant, context), of: tenant, by: identity.staffActor)
    }

    /// A read by the company's own people. What was searched for is left out: it may name a person who is to be forgotten later. All pages of one
    /// search are one read.
    func own(_ what: String, _ search: TrailSearch, by identity: Identity, _ context: AppContext) async throws {
        let key = "\(identity.session)|\(what)|\(search.fingerprint)"
        guard !recent.holds(key, at: clock.now) else { return }
        try await write(Self.record(["read": what], of: identity.tenant, context), of: identity.tenant, by: identity.actor)
        // Only now: whoever reads the same meanwhile is kept too, rather than shown something on the word of an entry that may yet fail.
        recent.remember(key, at: clock.now)
    }

    /// An address that was searched for names a person, whom an erasure later would not find here: of it only the domain is kept.
    static func withoutAddresses(_ search: String) -> String {
        var kept = ""
        var word = ""
        func keep() {
            kept += word.lastIndex(of: "@").map { "…" + word[$0...] } ?? word
            word = ""
        }
        for character in search {
            if " ,:\"".contains(character) {
                keep()
                kept.append(character)
            } else {
                word.append(character)
            }
        }
        keep()
        return kept
    }

    private func write(_ record: AuditRecord, of tenant: TenantID, by actor: EventActor) async throws {
        try await database.transaction { transaction in
            try await acts.record(record, of: tenant, by: actor, in: transaction)
        }
    }

    private static func record(_ metadata: [String: String], of tenant: TenantID, _ context: AppContext) -> AuditRecord {
        context.audit("audit_trail.read", targets: [.init(type: "tenant", id: tenant.description)], metadata: metadata)
    }
}

/// Which reads were kept lately, as far as this process knows.
final class RecentReads: Sendable {
    private static let span: TimeInterval = 3_600
    private static let most = 10_000

    private let reads = Mutex<[String: Date]>([:])

    /// Whether the same was kept within the hour.
    func holds(_ key: String, at now: Date) -> Bool {
        reads.withLock { reads in reads[key].map { now.timeIntervalSince($0) < Self.span } ?? false }
    }

    func remember(_ key: String, at now: Date) {
        reads.withLock { reads in
            if reads.count >= Self.most { reads = reads.filter { now.timeIntervalSince($0.value) < Self.span } }
            // Rather kept twice than remembered without end.
            if reads.count >= Self.most { reads = [:] }
            reads[key] = now
        }
    }
}
