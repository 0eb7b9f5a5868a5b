import Crypto
import Foundation

/// The digest itself, without any of the code under test.
enum SHA256Digest {
    static func of(_ bytes: [UInt8]) -> Data {
        Data(SHA256.hash(data: bytes))
    }
}
