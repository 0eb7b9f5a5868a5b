import Contracts
import Foundation
import Primitives

/// The addresses under which a recipient leaves: signed, so that nobody can take somebody else off a list by guessing.
struct UnsubscribeLinks: Sendable {
    private static let purpose = "unsubscribe"

    let keyring: Keyring
    let baseURL: URL

    func link(tenant: TenantID, send: SendID) throws -> URL {
        let payload = Self.bytes(tenant.uuid) + Self.bytes(send.uuid)
        let tag = try keyring.authenticate(payload, purpose: Self.purpose)
        return baseURL.appending(path: "u").appending(path: "\(payload.base64URL).\(tag)")
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
