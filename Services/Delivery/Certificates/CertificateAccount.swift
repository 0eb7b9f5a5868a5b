import Crypto
import Foundation
import Postgres
import Primitives

/// The platform's account at an authority: a key, made once, by which the authority knows us.
struct CertificateAccount: Sendable, Equatable {
    /// SEC 1, PEM: the form that lego reads.
    let key: String
    let thumbprint: String

    init(_ key: P256.Signing.PrivateKey) {
        let point = key.publicKey.x963Representation
        // RFC 5915: version 1, the number, the curve prime256v1, the point.
        let encoded =
            Data([0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20]) + key.rawRepresentation
            + Data([0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0xA1, 0x44, 0x03, 0x42, 0x00]) + point
        let text = encoded.base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        self.key = "-----BEGIN EC PRIVATE KEY-----\n\(text)\n-----END EC PRIVATE KEY-----\n"
        // RFC 7638: the members in the order of their names, without a space.
        let (x, y) = (Data(point.dropFirst().prefix(32)), Data(point.suffix(32)))
        let form = #"{"crv":"P-256","kty":"EC","x":"\#(x.base64URL)","y":"\#(y.base64URL)"}"#
        thumbprint = Data(SHA256.hash(data: Data(form.utf8))).base64URL
    }
}

/// The accounts, by the directories of their authorities.
struct CertificateAccounts: Sendable {
    let database: Database
    let keyring: Keyring

    /// The account at a directory; two that make one at once have the same.
    func account(at directory: String, now: Date) async throws -> CertificateAccount {
        if let known = try await find(directory) { return known }
        let key = P256.Signing.PrivateKey()
        let sealed = try keyring.seal(key.rawRepresentation, for: Self.place(directory))
        try await database.query(
            """
            insert into certificate_accounts (directory, key_sealed, thumbprint, created_at)
            values (\(directory), \(sealed), \(CertificateAccount(key).thumbprint), \(now)) on conflict (directory) do nothing
            """)
        guard let account = try await find(directory) else { throw KeyringError.malformedValue }
        return account
    }

    private func find(_ directory: String) async throws -> CertificateAccount? {
        guard let row = try await database.query("select key_sealed from certificate_accounts where directory = \(directory)").first else {
            return nil
        }
        let bytes = try keyring.open(try row.decode("key_sealed"), for: Self.place(directory))
        return CertificateAccount(try P256.Signing.PrivateKey(rawRepresentation: bytes))
    }

    private static func place(_ directory: String) -> Keyring.Place {
        Keyring.Place(purpose: "certificate_accounts.key", row: directory, tenant: nil)
    }
}
