import Contracts
import Crypto
import Foundation
import Primitives
import Testing

@testable import Audit

/// Vectors that the verifier in Tools/penguin keeps to as well.
private enum Golden {
    static func read<Value: Decodable>(_ name: String, as type: Value.Type, by decoder: JSONDecoder = JSONDecoder()) throws -> Value {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "golden")
        return try decoder.decode(type, from: Data(contentsOf: folder.appending(path: "\(name).json")))
    }

    static func bytes(_ hexadecimal: String) -> Data {
        let digits = Array(hexadecimal)
        return Data(stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...($0 + 1)]), radix: 16)! })
    }
}

extension CanonicalJSON: Decodable {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    public init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Name.self) {
            self = .object(try container.allKeys.map { Member($0.stringValue, try container.decode(CanonicalJSON.self, forKey: $0)) })
            return
        }
        if var container = try? decoder.unkeyedContainer() {
            var elements: [CanonicalJSON] = []
            while !container.isAtEnd { elements.append(try container.decode(CanonicalJSON.self)) }
            self = .array(elements)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else {
            self = .string(try container.decode(String.self))
        }
    }
}

@Suite("The trail's forms, as vectors have them")
struct TrailGoldenTests {
    private struct Canonical: Decodable {
        let value: CanonicalJSON
        let canonical: String
    }

    @Test("JSON has one form")
    func canonical() throws {
        for vector in try Golden.read("canonical", as: [Canonical].self) {
            #expect(vector.value.bytes == Array(vector.canonical.utf8), "\(vector.value.text)")
        }
    }

    private struct Trees: Decodable {
        struct Inclusion: Decodable {
            let index: Int64
            let size: Int64
            let path: [String]
        }
        struct Consistency: Decodable {
            let from: Int64
            let to: Int64
            let path: [String]
        }
        let leaves: [String]
        let roots: [String]
        let inclusion: [Inclusion]
        let consistency: [Consistency]
    }

    @Test("roots and proofs are those of RFC 6962, from the tiles as from the leaves")
    func trees() throws {
        let vectors = try Golden.read("rfc6962", as: Trees.self)
        var frontier = MerkleFrontier()
        var nodes: [MerkleNode] = []
        for (index, leaf) in vectors.leaves.enumerated() {
            nodes += frontier.append(MerkleTree.leaf([UInt8](Golden.bytes(leaf))))
            #expect(frontier.root.hexadecimal == vectors.roots[index])
            #expect(MerkleFrontier(size: frontier.size, bytes: frontier.bytes) == frontier)
        }
        #expect(MerkleFrontier(size: 3, bytes: Data(count: 32)) == nil)
        var tiles: [TileSet.Place: Data] = [:]
        for growth in TileGrowth.of(nodes) { tiles[TileSet.Place(level: growth.level, tile: growth.tile), default: Data()] += growth.hashes }
        let set = TileSet(tiles)
        for proof in vectors.inclusion {
            #expect(MerkleProof.inclusion(of: proof.index, in: proof.size).compactMap { set.root(over: $0)?.hexadecimal } == proof.path)
        }
        for proof in vectors.consistency {
            #expect(MerkleProof.consistency(from: proof.from, to: proof.to).compactMap { set.root(over: $0)?.hexadecimal } == proof.path)
        }
    }

    @Test("a large tree's tiles hold every subtree, and added piece by piece are the same")
    func tiles() {
        var frontier = MerkleFrontier()
        var leaves: [Data] = []
        var tiles: [TileSet.Place: Data] = [:]
        for batch in [1, 254, 2, 300, 65_536, 7] {
            var nodes: [MerkleNode] = []
            for _ in 0..<batch {
                let leaf = MerkleTree.leaf(Array("\(frontier.size)".utf8))
                leaves.append(leaf)
                nodes += frontier.append(leaf)
            }
            for growth in TileGrowth.of(nodes) {
                let place = TileSet.Place(level: growth.level, tile: growth.tile)
                let before = tiles[place] ?? Data()
                #expect(before.count == 32 * growth.start)
                tiles[place] = before + growth.hashes
            }
        }
        let set = TileSet(tiles)
        #expect(set.root(over: 0..<frontier.size) == frontier.root)
        for range in [0..<Int64(256), 65_536..<Int64(66_000), 66_099..<Int64(66_100), 1_024..<Int64(1_536)] {
            #expect(set.root(over: range) == MerkleTree.root(of: MerkleProof.subtrees(of: range).map { whole($0, leaves) }))
        }
        #expect(set.root(over: 66_100..<66_101) == nil)
    }

    private func whole(_ node: MerkleProof.Position, _ leaves: [Data]) -> Data {
        if node.height == 0 { return leaves[Int(node.index)] }
        let left = MerkleProof.Position(height: node.height - 1, index: 2 * node.index)
        let right = MerkleProof.Position(height: node.height - 1, index: 2 * node.index + 1)
        return MerkleTree.node(whole(left, leaves), whole(right, leaves))
    }

    private struct Leaf: Decodable {
        struct Row: Decodable {
            let tenantId: TenantID
            let id: EventID
            let seq: Int64
            let occurredAt: String
            let recordedAt: String
            let workspaceId: WorkspaceID?
            let type: String
            let source: String
            let action: String
            let outcome: String
            let actorKind: String
            let actorId: String
            let targets: [AuditRecord.Target]
            let request: String?
            let actorName: String?
            let targetNames: [String?]
            let address: String?
            let userAgent: String?
            let changes: [AuditRecord.Change]
            let metadata: [String: String]
            let salts: [String: String]
            let sd: [String: String]
        }
        let row: Row
        let core: String
        let leaf: String
    }

    @Test("a leaf is the hash of its core, and the core holds only digests of what can be erased")
    func leaf() throws {
        let vector = try Golden.read("leaf", as: Leaf.self, by: WireJSON.decoder())
        let row = vector.row
        func instant(_ text: String) throws -> Date { try #require(WireJSON.parse(String(text.dropLast(3)) + "Z")) }
        let entry = TrailEntry(
            tenant: row.tenantId, id: row.id, occurredAt: try instant(row.occurredAt), recordedAt: try instant(row.recordedAt),
            workspace: row.workspaceId, type: row.type, source: row.source, action: row.action, outcome: row.outcome,
            actorKind: row.actorKind, actorID: row.actorId, targets: row.targets, request: row.request, trace: nil, supportSession: nil,
            details: TrailDetails(
                actorName: row.actorName, targetNames: row.targetNames, address: row.address, userAgent: row.userAgent, changes: row.changes,
                metadata: row.metadata))
        for (name, value) in entry.details.fields {
            let salt = Golden.bytes(try #require(row.salts[name]))
            #expect(TrailLeaf.digest(of: value, salt: salt) == row.sd[name], "\(name)")
        }
        #expect(entry.details.fields.count == row.sd.count)
        let core = TrailLeaf.core(of: entry, seq: row.seq, digests: row.sd)
        #expect(core.text == vector.core)
        #expect(MerkleTree.leaf(core.bytes).hexadecimal == vector.leaf)
        #expect(entry.id.uuid.v7Instant == entry.occurredAt)
    }

    private struct Checkpoint: Decodable {
        let name: String
        let seed: String
        let tenant: TenantID
        let size: Int64
        let root: String
        let key: String
        let note: String
    }

    @Test("a checkpoint is a signed note, and two keys sign while one follows the other")
    func checkpoint() throws {
        let vector = try Golden.read("checkpoint", as: Checkpoint.self)
        let seed = Golden.bytes(vector.seed)
        let signer = try CheckpointSigner(name: vector.name, seeds: [seed])
        #expect(signer.verifierKeys == [vector.key])
        let note = try signer.note(of: vector.tenant, size: vector.size, root: Golden.bytes(vector.root))
        let text = vector.note.components(separatedBy: "\n\n")[0] + "\n"
        #expect(note.hasPrefix(text + "\n\u{2014} \(vector.name) "))
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed).publicKey
        for each in [note, vector.note] {
            let encoded = try #require(each.split(separator: " ").last?.trimmingCharacters(in: .newlines))
            let signature = try #require(Data(base64Encoded: encoded))
            #expect(key.isValidSignature(Data(signature.dropFirst(4)), for: Data(text.utf8)))
        }
        let both = try CheckpointSigner(name: vector.name, seeds: [randomBytes(32), seed])
        #expect(both.verifierKeys.count == 2 && both.verifierKeys[1] == vector.key)
        #expect(try both.note(of: vector.tenant, size: 1, root: Data(count: 32)).components(separatedBy: "\u{2014}").count == 3)
    }

    @Test(
        "instants are written as everywhere else, to the millisecond",
        arguments: [0, 1_709_251_199.999, 1_732_730_400, 951_782_400.001, 4_102_444_799.5, 1_767_225_599.999])
    func times(seconds: TimeInterval) {
        let date = Date(timeIntervalSince1970: seconds)
        #expect(TrailTime(date).text == WireJSON.format(date))
        #expect(TrailTime(date).month == String(WireJSON.format(date).prefix(7)) + "-01")
    }
}
