public import Contracts
import Crypto
import CryptoExtras
import Primitives
public import RPC

/// Fresh keys for the five services that know each other.
public enum TestTokens {
    public static func make() async throws -> [ServiceName: ServiceTokens] {
        let keys = Dictionary(uniqueKeysWithValues: ServiceName.allCases.map { ($0, Curve25519.Signing.PrivateKey()) })
        let entries = keys.map { name, key in
            #"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"\#(name.rawValue)","x":"\#(key.publicKey.rawRepresentation.base64URL)"}"#
        }
        let document = #"{"keys":[\#(entries.joined(separator: ","))]}"#
        var tokens: [ServiceName: ServiceTokens] = [:]
        for (name, key) in keys {
            tokens[name] = try await ServiceTokens(service: name, privateKeyPEM: key.pemRepresentation, publicKeysJWKS: document)
        }
        return tokens
    }
}
