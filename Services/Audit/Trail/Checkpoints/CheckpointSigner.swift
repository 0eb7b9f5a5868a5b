import Contracts
import Crypto
import Foundation
import Primitives
import ServiceRuntime

/// Signs what a tree was: a C2SP signed note of origin, size and root, by Ed25519.
///
/// Every key of the file signs, so that a key is changed by having both for a while; the key is not in the database. What a former key signed is
/// still known.
struct CheckpointSigner: Sendable {
    private struct Key: Sendable {
        let identifier: Data
        let key: Curve25519.Signing.PrivateKey
    }

    private struct PublicKey: Sendable {
        let identifier: Data
        let key: Curve25519.Signing.PublicKey
    }

    /// The name of the keys, and the beginning of every origin.
    let name: String
    private let keys: [Key]
    /// All whose signatures count, those that sign first.
    private let known: [PublicKey]

    /// `seeds`: 32 bytes for each key that signs, the current one first; `former`: public keys, 32 bytes each, that signed before.
    init(name: String, seeds: [Data], former: [Data] = []) throws {
        guard !seeds.isEmpty, !name.isEmpty, !name.contains(where: { $0.isWhitespace || $0 == "+" }) else {
            throw SettingsError(problems: ["trail.keys.file needs a name without spaces and plus signs, and at least one key"])
        }
        self.name = name
        keys = try seeds.map { seed in
            let key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
            return Key(identifier: Self.identifier(of: key.publicKey, name: name), key: key)
        }
        let before = try former.map { bytes -> PublicKey in
            let key = try Curve25519.Signing.PublicKey(rawRepresentation: bytes)
            return PublicKey(identifier: Self.identifier(of: key, name: name), key: key)
        }
        known = keys.map { PublicKey(identifier: $0.identifier, key: $0.key.publicKey) } + before
    }

    /// Reads `{"name":"penguinmails-audit","keys":["<base64 of 32 bytes>"],"former":["<base64 of a public key>"]}`.
    init(contentsOf file: URL) throws {
        struct Document: Decodable {
            var name: String
            var keys: [Data]
            var former: [Data]?
        }
        let document = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file))
        try self.init(name: document.name, seeds: document.keys, former: document.former ?? [])
    }

    /// The one that the settings name; without a file the key comes from the root key for secrets at rest.
    init(house: House) throws {
        let file = house.settings["trail.keys.file"]
        guard file.isEmpty else {
            try self.init(contentsOf: URL(filePath: file))
            return
        }
        let seeds = try house.keyring.authenticators(purpose: "audit.trail.signing").map { authenticator in
            let tag = authenticator.tag(Data("checkpoints of the trail".utf8))
            return tag.split(separator: ".").last.flatMap { Data(base64URL: String($0)) } ?? Data()
        }
        let former = try seeds.dropFirst().map { try Curve25519.Signing.PrivateKey(rawRepresentation: $0).publicKey.rawRepresentation }
        try self.init(name: "penguinmails-audit", seeds: Array(seeds.prefix(1)), former: former)
    }

    func origin(of tenant: TenantID) -> String { "\(name)/\(tenant)" }

    /// The signed note: origin, size, root, an empty line, a line for each signature.
    func note(of tenant: TenantID, size: Int64, root: Data) throws -> String {
        try sign("\(origin(of: tenant))\n\(size)\n\(root.base64EncodedString())\n")
    }

    /// Signs any text of whole lines in the same form, such as the manifest of an export.
    func sign(_ text: String) throws -> String {
        let signatures = try keys.map { key -> String in
            let signature = try key.key.signature(for: Data(text.utf8))
            return "\u{2014} \(name) \((key.identifier + signature).base64EncodedString())\n"
        }
        return "\(text)\n\(signatures.joined())"
    }

    /// Whether one of the keys that count has signed this note, and it says exactly this of the tree.
    func confirms(_ note: String, tenant: TenantID, size: Int64, root: Data) -> Bool {
        let text = "\(origin(of: tenant))\n\(size)\n\(root.base64EncodedString())\n"
        guard note.hasPrefix(text + "\n") else { return false }
        return note.dropFirst(text.count + 1).split(separator: "\n").contains { line in
            let parts = line.split(separator: " ")
            guard parts.count == 3, parts[0] == "\u{2014}", parts[1] == name, let bytes = Data(base64Encoded: String(parts[2])) else { return false }
            return known.contains { key in
                bytes.prefix(4) == key.identifier && key.key.isValidSignature(bytes.dropFirst(4), for: Data(text.utf8))
            }
        }
    }

    /// The public keys in the form of C2SP's signed notes, for whoever verifies.
    var verifierKeys: [String] {
        known.map { key in
            let encoded = (Data([0x01]) + key.key.rawRepresentation).base64EncodedString()
            return "\(name)+\(key.identifier.hexadecimal)+\(encoded)"
        }
    }

    private static func identifier(of key: Curve25519.Signing.PublicKey, name: String) -> Data {
        let named = Data(name.utf8) + Data([0x0A, 0x01]) + key.rawRepresentation
        return Data(Data(SHA256.hash(data: named)).prefix(4))
    }
}
