import Crypto
public import Foundation

/// The root keys for secrets at rest, by key id; new values are sealed with the current one, old ones stay readable.
public struct Keyring: Sendable {
    private let current: String
    private let keys: [String: SymmetricKey]

    /// Throws unless every key has 32 bytes and `current` is among them.
    public init(current: String, keys: [String: Data]) throws(KeyringError) {
        guard keys[current] != nil else { throw KeyringError.unknownKey(current) }
        for (identifier, bytes) in keys where bytes.count != 32 || identifier.contains(".") {
            throw KeyringError.malformedKey(identifier)
        }
        self.current = current
        self.keys = keys.mapValues { SymmetricKey(data: $0) }
    }

    /// Reads `{"current":"k1","keys":{"k1":"<base64 of 32 bytes>"}}`.
    public init(contentsOf file: URL) throws {
        struct Document: Decodable {
            var current: String
            var keys: [String: Data]
        }
        let document = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file))
        try self.init(current: document.current, keys: document.keys)
    }

    /// Where a sealed value stands; it opens nowhere else (AES-GCM additional data).
    public struct Place: Sendable {
        let text: String

        /// `purpose` names the table and column, `row` the row's key; `tenant` also separates the keys.
        public init(purpose: String, row: String, tenant: UUID?) {
            text = "\(purpose)|\(row)|\(tenant?.uuidString.lowercased() ?? "-")"
        }
    }

    /// AES-256-GCM under a key derived for this place: `v1.<key id>.<base64url of nonce, text and tag>`.
    public func seal(_ secret: Data, for place: Place) throws -> String {
        let box = try AES.GCM.seal(secret, using: derivedKey(current, place), authenticating: Data(place.text.utf8))
        guard let combined = box.combined else { throw KeyringError.malformedValue }
        return "v1.\(current).\(combined.base64URL)"
    }

    /// The secret, or an error when the value was altered, belongs to another place, or its key is gone.
    public func open(_ sealed: String, for place: Place) throws -> Data {
        let parts = sealed.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0] == "v1", let combined = Data(base64URL: parts[2]) else { throw KeyringError.malformedValue }
        let box = try AES.GCM.SealedBox(combined: combined)
        return try AES.GCM.open(box, using: derivedKey(parts[1], place), authenticating: Data(place.text.utf8))
    }

    /// As ``authenticate(_:purpose:)``, for whoever makes many tags: the key is derived once.
    public func authenticator(purpose: String) throws(KeyringError) -> Authenticator {
        Authenticator(identifier: current, key: try derive(current, "authenticate|\(purpose)"))
    }

    /// One for each key that there is, the current first: for whoever must still know what was made with an older one.
    public func authenticators(purpose: String) throws(KeyringError) -> [Authenticator] {
        var all = [try authenticator(purpose: purpose)]
        for identifier in keys.keys.sorted() where identifier != current {
            all.append(Authenticator(identifier: identifier, key: try derive(identifier, "authenticate|\(purpose)")))
        }
        return all
    }

    /// Makes tags for one purpose with the key that was current when it was made.
    public struct Authenticator: Sendable {
        let identifier: String
        let key: SymmetricKey

        public func tag(_ message: Data) -> String {
            "\(identifier).\(Data(HMAC<SHA256>.authenticationCode(for: message, using: key)).base64URL)"
        }
    }

    /// A tag `<key id>.<base64url of HMAC-SHA256>` that proves later that `message` came from here, for this purpose.
    public func authenticate(_ message: Data, purpose: String) throws(KeyringError) -> String {
        try authenticator(purpose: purpose).tag(message)
    }

    /// Whether `tag` was made by ``authenticate(_:purpose:)`` for the same message and purpose; compares in constant time.
    public func isAuthentic(_ tag: String, message: Data, purpose: String) -> Bool {
        let parts = tag.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let code = Data(base64URL: parts[1]), let key = try? derive(parts[0], "authenticate|\(purpose)") else {
            return false
        }
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: message, using: key)
    }

    private func derivedKey(_ identifier: String, _ place: Place) throws(KeyringError) -> SymmetricKey {
        try derive(identifier, place.text)
    }

    private func derive(_ identifier: String, _ context: String) throws(KeyringError) -> SymmetricKey {
        guard let root = keys[identifier] else { throw KeyringError.unknownKey(identifier) }
        return HKDF<SHA256>.deriveKey(inputKeyMaterial: root, info: Data(context.utf8), outputByteCount: 32)
    }
}

/// Why a keyring cannot be used.
public enum KeyringError: Error, Equatable, Sendable {
    case unknownKey(String)
    case malformedKey(String)
    case malformedValue
}
