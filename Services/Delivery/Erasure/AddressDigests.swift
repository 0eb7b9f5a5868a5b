import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// Tells addresses that were forgotten: a digest under a secret of the company's own, which stands sealed in the database.
///
/// The secret and not a root key makes the digests: they outlive every change of the root keys, one look-up finds them, and what the keyring
/// opens it opens for as long as it knows the key that sealed it, as with every other secret here.
struct AddressDigests: Sendable {
    let keyring: Keyring

    /// Makes the digests of one company.
    struct Digester: Sendable {
        private let key: SymmetricKey

        init(secret: Data) {
            key = SymmetricKey(data: secret)
        }

        /// Of the address in the ledger's form, which is lower case.
        func digest(_ address: String) -> Data {
            Data(HMAC<SHA256>.authenticationCode(for: Data(address.lowercased().utf8), using: key))
        }
    }

    /// Nil when the company has forgotten nobody: then there is nothing to find.
    func digester(of tenant: TenantID, in database: Database) async throws -> Digester? {
        try await database.query(Self.secret(of: tenant)).first.map { try open(try $0.decode("secret_sealed"), of: tenant) }
    }

    /// As ``digester(of:in:)``, in a transaction.
    func digester(of tenant: TenantID, in transaction: Transaction) async throws -> Digester? {
        try await transaction.query(Self.secret(of: tenant)).first.map { try open(try $0.decode("secret_sealed"), of: tenant) }
    }

    /// The company's digester, with a secret made for it when it has none; two that make one at the same time get the same.
    func makeDigester(of tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> Digester {
        let fresh = try keyring.seal(randomBytes(32), for: Self.place(of: tenant))
        try await transaction.query(
            """
            insert into suppression_secrets (tenant_id, secret_sealed, created_at) values (\(tenant), \(fresh), \(now))
            on conflict (tenant_id) do nothing
            """)
        let row = try await transaction.query(Self.secret(of: tenant))[0]
        return try open(try row.decode("secret_sealed"), of: tenant)
    }

    func open(_ sealed: String, of tenant: TenantID) throws -> Digester {
        Digester(secret: try keyring.open(sealed, for: Self.place(of: tenant)))
    }

    private static func secret(of tenant: TenantID) -> SQL {
        "select secret_sealed from suppression_secrets where tenant_id = \(tenant)"
    }

    private static func place(of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "suppression_secrets.secret", row: tenant.description, tenant: tenant.uuid)
    }
}

/// What stands in the ledger instead of an address that was forgotten: the link in an old mail still takes the person off every list.
enum ErasedRecipient {
    /// What begins with it and has no @ is no address.
    static let prefix = "erased:"

    static func text(_ digest: Data) -> String { prefix + digest.base64URL }

    /// Nil for an address.
    static func digest(of recipient: String) -> Data? {
        guard recipient.hasPrefix(prefix), !recipient.contains("@") else { return nil }
        return Data(base64URL: String(recipient.dropFirst(prefix.count)))
    }
}
