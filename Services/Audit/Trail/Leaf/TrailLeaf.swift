import Contracts
import Crypto
import Foundation
import Primitives

/// What of an entry is hashed: every field that cannot be erased, and salted digests of those that can.
///
/// Version 1. What is absent is left out; times are UTC in milliseconds.
enum TrailLeaf {
    static func core(of entry: TrailEntry, seq: Int64, digests: [String: String]) -> CanonicalJSON {
        typealias Member = CanonicalJSON.Member
        var members: [Member] = [
            Member("action", .string(entry.action)),
            Member("actor", .object([Member("id", .string(entry.actorID)), Member("kind", .string(entry.actorKind))])),
            Member("id", .string(entry.id.description)),
            Member("occurred_at", .string(TrailTime(entry.occurredAt).text)),
            Member("outcome", .string(entry.outcome)),
            Member("recorded_at", .string(TrailTime(entry.recordedAt).text)),
            Member("sd", CanonicalJSON(digests)),
            Member("seq", .integer(seq)),
            Member("source", .string(entry.source)),
            Member("targets", targets(of: entry)),
            Member("tenant_id", .string(entry.tenant.description)),
            Member("type", .string(entry.type)),
            Member("v", .integer(1)),
        ]
        if let request = entry.request { members.append(Member("request", .string(request))) }
        if let session = entry.supportSession { members.append(Member("support_session", .string(session))) }
        if let trace = entry.trace { members.append(Member("trace", .string(trace))) }
        if let workspace = entry.workspace { members.append(Member("workspace_id", .string(workspace.description))) }
        return .object(members)
    }

    static func targets(of entry: TrailEntry) -> CanonicalJSON {
        .array(entry.targets.map { .object([.init("id", .string($0.id)), .init("type", .string($0.type))]) })
    }

    /// Hexadecimal SHA-256 of the salt and the value's canonical form.
    static func digest(of value: CanonicalJSON, salt: Data) -> String {
        var hash = SHA256()
        hash.update(data: salt)
        hash.update(data: value.bytes)
        return Data(hash.finalize()).hexadecimal
    }

    /// 16 bytes, from the generator of the cryptographic library: one of the kernel's would be asked six times for each entry.
    static func salt() -> Data {
        SymmetricKey(size: .bits128).withUnsafeBytes { Data($0) }
    }
}

/// An entry with its place in the tree and everything that is stored of it.
struct NumberedEntry: Sendable {
    let entry: TrailEntry
    let seq: Int64
    let retention: String
    /// Field → salt, in hexadecimal.
    let salts: [String: String]
    /// Field → digest, in hexadecimal.
    let digests: [String: String]
    let leaf: Data

    /// `salt` gives a fresh one for each field.
    init(_ entry: TrailEntry, seq: Int64, retention: String, salt: () -> Data = TrailLeaf.salt) {
        var salts: [String: String] = [:]
        var digests: [String: String] = [:]
        for (name, value) in entry.details.fields {
            let fresh = salt()
            salts[name] = fresh.hexadecimal
            digests[name] = TrailLeaf.digest(of: value, salt: fresh)
        }
        self.entry = entry
        self.seq = seq
        self.retention = retention
        self.salts = salts
        self.digests = digests
        leaf = MerkleTree.leaf(TrailLeaf.core(of: entry, seq: seq, digests: digests).bytes)
    }
}
