import Crypto
import CryptoExtras
import Foundation

/// A stored password: `$scrypt$ln=15,r=8,p=3$<salt>$<digest>`, base64 without padding (the PHC string format).
struct PasswordHash: Equatable {
    struct Parameters: Equatable {
        /// The binary logarithm of the number of rounds.
        let logRounds: Int
        let blockSize: Int
        let parallelism: Int

        static let standard = Parameters(logRounds: 15, blockSize: 8, parallelism: 3)

        func derive(_ password: Data, salt: Data) -> Data {
            do {
                return try KDF.Scrypt.deriveKey(
                    from: password, salt: salt, outputByteCount: 32, rounds: 1 << logRounds, blockSize: blockSize, parallelism: parallelism
                ).withUnsafeBytes { Data($0) }
            } catch {
                // scrypt fails only for parameters out of range or without memory, and the range was checked.
                preconditionFailure("scrypt failed: \(error)")
            }
        }
    }

    let parameters: Parameters
    let salt: Data
    let digest: Data

    init(parameters: Parameters, salt: Data, digest: Data) {
        self.parameters = parameters
        self.salt = salt
        self.digest = digest
    }

    /// Nil for another form, and for parameters that would cost more than four times ours.
    init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else { return nil }
        var numbers: [Substring: Int] = [:]
        for pair in parts[2].split(separator: ",") {
            let sides = pair.split(separator: "=")
            guard sides.count == 2, let number = Int(sides[1]) else { return nil }
            numbers[sides[0]] = number
        }
        guard let logRounds = numbers["ln"], (10...17).contains(logRounds), let blockSize = numbers["r"], (1...8).contains(blockSize),
            let parallelism = numbers["p"], (1...8).contains(parallelism), let salt = Data(unpaddedBase64: parts[3]),
            let digest = Data(unpaddedBase64: parts[4]), digest.count == 32
        else { return nil }
        self.init(
            parameters: Parameters(logRounds: logRounds, blockSize: blockSize, parallelism: parallelism), salt: salt, digest: digest)
    }

    var text: String {
        "$scrypt$ln=\(parameters.logRounds),r=\(parameters.blockSize),p=\(parameters.parallelism)$\(salt.unpaddedBase64)$\(digest.unpaddedBase64)"
    }
}

extension Data {
    fileprivate var unpaddedBase64: String {
        base64EncodedString().replacing("=", with: "")
    }

    fileprivate init?(unpaddedBase64 text: Substring) {
        self.init(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4))
    }
}
