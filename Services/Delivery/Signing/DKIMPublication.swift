/// What a domain publishes so that a signature of ours verifies: the TXT record at `<selector>._domainkey.<domain>`.
struct DKIMPublication: Sendable, Equatable, Codable {
    enum Algorithm: String, Sendable, Codable {
        case rsa = "rsa-sha256"
        case ed25519 = "ed25519-sha256"
    }

    let selector: String
    let algorithm: Algorithm
    /// Base64 of the key as the record's `p=` has it.
    let publicKey: String

    /// The record's text, whole (a zone file splits it at 255 bytes).
    var value: String { "v=DKIM1; k=\(algorithm == .rsa ? "rsa" : "ed25519"); p=\(publicKey)" }
}
