import Contracts
import Foundation
import Primitives

/// The addresses under which a recipient leaves: signed, so that nobody can take somebody else off a list by guessing.
struct UnsubscribeLinks: Sendable {
    private static let purpose = "unsubscribe"

    private let keyring: Keyring
    private let authenticator: Keyring.Authenticator
    /// What stands before the token in every link.
    private let prefix: String

    /// Throws when the keyring has no current key.
    init(keyring: Keyring, baseURL: URL) throws(KeyringError) {
        self.keyring = keyring
        authenticator = try keyring.authenticator(purpose: Self.purpose)
        prefix = baseURL.appending(path: "u").absoluteString + "/"
    }

    func link(tenant: TenantID, send: SendID) -> String {
        let payload = Self.bytes(tenant.uuid) + Self.bytes(send.uuid)
        return "\(prefix)\(payload.base64URL).\(authenticator.tag(payload))"
    }

    /// Whose mail the link stood in; nil for anything that is not ours.
    func open(_ token: String) -> (tenant: TenantID, send: SendID)? {
        guard token.utf8.count <= 200, let dot = token.firstIndex(of: "."), let payload = Data(base64URL: String(token[..<dot])),
            payload.count == 32, keyring.isAuthentic(String(token[token.index(after: dot)...]), message: payload, purpose: Self.purpose)
        else { return nil }
        return (TenantID(Self.uuid(payload.prefix(16))), SendID(Self.uuid(payload.suffix(16))))
    }

    private static func bytes(_ uuid: UUID) -> Data {
        withUnsafeBytes(of: uuid.uuid) { Data($0) }
    }

    private static func uuid(_ bytes: Data) -> UUID {
        Array(bytes).withUnsafeBytes { UUID(uuid: $0.load(as: uuid_t.self)) }
    }
}
