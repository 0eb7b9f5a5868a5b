import Foundation

/// An entry that verifies by itself: what its leaf is the hash of, and what of the erasable fields is still there.
struct TrailLine: Sendable, Equatable {
    /// The value and the salt that make a digest of the leaf.
    struct Disclosure: Sendable, Equatable {
        let field: String
        /// 16 bytes in hexadecimal.
        let salt: String
        let value: CanonicalJSON
    }

    let seq: Int64
    /// The exact text whose SHA-256, after a zero byte, is the leaf.
    let leaf: String
    let disclosures: [Disclosure]

    var leafHash: Data { MerkleTree.leaf(Array(leaf.utf8)) }

    /// `{"disclosures":{…},"leaf":"…"}`, without an end of line.
    var text: String {
        let members = disclosures.map { each in
            CanonicalJSON.Member(each.field, .object([.init("salt", .string(each.salt)), .init("value", each.value)]))
        }
        return CanonicalJSON.object([.init("leaf", .string(leaf)), .init("disclosures", .object(members))]).text
    }
}

/// A row that is not what it was when it was written.
struct AlteredEntry: Error, Sendable, Equatable, CustomStringConvertible {
    let seq: Int64
    /// The erasable field, nil when it is the entry itself.
    let field: String?

    var description: String {
        "entry \(seq) is not what was written\(field.map { " (\($0))" } ?? ""): check the trail with penguin audit verify"
    }
}
