import Foundation
import Mail
import Primitives

/// Makes private keys, one after the other on a thread of its own: each takes a processor a good part of a second.
actor SigningKeyForge {
    /// The halves of a key that has no name yet.
    struct Halves: Sendable {
        let algorithm: DKIMKey.Algorithm
        let secret: Data
        let publicKey: String
    }

    private let executor = ThreadExecutor(name: "signing-keys")

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func make(_ algorithm: DKIMKey.Algorithm) throws(DKIMError) -> Halves {
        let key = try DKIMKey.make(selector: "new", algorithm: algorithm)
        return Halves(algorithm: algorithm, secret: key.secret, publicKey: key.publicKey)
    }
}
