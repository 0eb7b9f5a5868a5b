import Crypto
import Foundation
import ServiceRuntime

/// Passwords that stood in known leaks: the built-in list of the most used ones, and a filter file that the operator supplies.
///
/// The file is a Bloom filter over SHA-1 digests, as public lists name them; `Tools/passwords/build_filter.py` makes one. It never misses a
/// password it was built from, and takes about one in a thousand others for one of them: such a person chooses another password.
struct BreachedPasswords: Sendable {
    static let key = ConfigurationKey(
        "password.breached.filter", "A file made by Tools/passwords/build_filter.py: passwords from leaks that nobody may take.", default: "")

    /// The built-in list alone.
    static let builtIn = BreachedPasswords(bits: nil, count: 0, hashes: 0)

    private static let magic = Data("PMBLOOM1".utf8)
    private static let headerBytes = 24

    private let bits: Data?
    private let count: UInt64
    private let hashes: UInt64

    private init(bits: Data?, count: UInt64, hashes: UInt64) {
        self.bits = bits
        self.count = count
        self.hashes = hashes
    }

    /// Reads the file that the settings name, if any; throws when it is not such a file.
    init(_ settings: Settings) throws(SettingsError) {
        let path = settings["password.breached.filter"]
        guard !path.isEmpty else {
            self = .builtIn
            return
        }
        // Mapped: a list of a thousand million is more than a gigabyte, of which a look needs ten pages.
        guard let file = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe), let read = Self(file: file) else {
            throw SettingsError(problems: ["password.breached.filter: \(path) cannot be read as a filter"])
        }
        self = read
    }

    /// Magic word, number of bits, number of hashes (both 64 bits, little-endian), then the bits.
    init?(file: Data) {
        guard file.count > Self.headerBytes, file.prefix(8) == Self.magic else { return nil }
        let count = Self.number(file, at: 8)
        let hashes = Self.number(file, at: 16)
        guard count > 0, (1...32).contains(hashes), count <= UInt64(file.count - Self.headerBytes) * 8 else { return nil }
        self.init(bits: file, count: count, hashes: hashes)
    }

    func contains(_ password: String) -> Bool {
        CommonPasswords.contains(password) || filterContains(password)
    }

    private func filterContains(_ password: String) -> Bool {
        guard let bits else { return false }
        let digest = Data(Insecure.SHA1.hash(data: Data(password.utf8)))
        let (first, second) = (Self.number(digest, at: 0), Self.number(digest, at: 8) | 1)
        return (0..<hashes).allSatisfy { index in
            let bit = (first &+ index &* second) % count
            return bits[bits.startIndex + Self.headerBytes + Int(bit / 8)] & (1 << UInt8(bit % 8)) != 0
        }
    }

    private static func number(_ data: Data, at offset: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(data[data.startIndex + offset + $1]) << UInt64(8 * $1) }
    }
}
