import Crypto
import CryptoExtras
import Foundation
import TestSupport
import Testing

@testable import Mail

/// The signed mail of RFC 8463, appendix A: other people's signatures over what we hash.
@Suite("DKIM: the test vector of RFC 8463")
struct DKIMVectorTests {
    private static let mail = """
        From: Joe SixPack <joe@football.example.com>
        To: Suzie Q <suzie@shopping.example.net>
        Subject: Is dinner ready?
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
        Message-ID: <20030712040037.46341.5F8J@football.example.com>

        Hi.

        We lost the game.  Are you hungry yet?

        Joe.

        """.replacing("\n", with: "\r\n")

    private static let ed25519 = [
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;", " d=football.example.com; i=@football.example.com;",
        " q=dns/txt; s=brisbane; t=1528637909; h=from : to :", " subject : date : message-id : from : subject : date;",
        " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;", " b=",
    ].joined(separator: "\r\n")
    private static let ed25519Signature = "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
    private static let ed25519Secret = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
    private static let ed25519Record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

    private static let rsa = [
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;", " d=football.example.com; i=@football.example.com;",
        " q=dns/txt; s=test; t=1528637909; h=from : to : subject :", " date : message-id : from : subject : date;",
        " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;", " b=",
    ].joined(separator: "\r\n")
    private static let rsaSignature = [
        "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3", "DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz",
        "dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
    ].joined()
    private static let rsaKey = [
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC",
        "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
    ].joined()

    /// The hash of the fields that both signatures of the vector list, in their order.
    private func headers() throws -> SHA256 {
        try Array(Self.mail.utf8).withUnsafeBufferPointer { bytes in
            let header = try DKIMHeader(bytes)
            var hash = SHA256()
            for name in ["from", "to", "subject", "date", "message-id"] {
                let field = try #require(header.fields.first { DKIMHeader.hasName(Array(name.utf8), $0, in: bytes) })
                var relaxed: [UInt8] = []
                DKIMHeader.appendRelaxed(field, of: bytes, to: &relaxed)
                hash.update(data: relaxed + .lineEnd)
            }
            return hash
        }
    }

    @Test("the body has the digest of the vector")
    func bodyDigest() throws {
        let digest = try Array(Self.mail.utf8).withUnsafeBufferPointer { bytes in
            var body = DKIMBodyHash()
            body.update(UnsafeBufferPointer(rebasing: bytes[try DKIMHeader(bytes).bodyStart...]))
            return Data(body.finish()).base64EncodedString()
        }
        #expect(digest == "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=")
    }

    @Test("the Ed25519 key of the vector is published and signs as the vector does")
    func ed25519() throws {
        let key = try DKIMKey(selector: "brisbane", algorithm: .ed25519, secret: try #require(Data(base64Encoded: Self.ed25519Secret)))
        #expect(Self.ed25519Record.hasSuffix("p=\(key.publicKey)"))
        let digest = try DKIMSigner.digest(of: Array(Self.ed25519.utf8), after: try headers())
        let signature = try key.signature(over: digest)
        // One who signs at random (as some implementations do) would still verify.
        let vector = try #require(Data(base64Encoded: Self.ed25519Signature))
        let published = try Curve25519.Signing.PublicKey(rawRepresentation: Data(base64Encoded: key.publicKey) ?? Data())
        #expect(published.isValidSignature(vector, for: Data(digest)))
        #expect(published.isValidSignature(signature, for: Data(digest)))
    }

    @Test("the RSA signature of the vector is over the digest that we make")
    func rsa() throws {
        let digest = try DKIMSigner.digest(of: Array(Self.rsa.utf8), after: try headers())
        let key = try _RSA.Signing.PublicKey(unsafeDERRepresentation: try #require(Data(base64Encoded: Self.rsaKey)))
        let signature = _RSA.Signing.RSASignature(rawRepresentation: try #require(Data(base64Encoded: Self.rsaSignature)))
        #expect(key.isValidSignature(signature, for: digest, padding: .insecurePKCS1v1_5))
    }

    @Test("the independent verifier takes the vector as it is, so that its word on ours counts")
    func verifier() async throws {
        let message = Array("\(Self.ed25519)\(Self.ed25519Signature)\r\n\(Self.rsa)\(Self.rsaSignature)\r\n\(Self.mail)".utf8)
        let zone = [
            "brisbane._domainkey.football.example.com": Self.ed25519Record,
            "test._domainkey.football.example.com": "v=DKIM1; k=rsa; p=\(Self.rsaKey)",
        ]
        #expect(try await IndependentDKIM.verdicts(of: [message], zone: zone) == [[true, true]])
        #expect(try await IndependentDKIM.verdicts(of: [message], zone: [:]) == [[false, false]])
    }
}
