import Crypto
import CryptoExtras
import Foundation
import Primitives
import Synchronization

/// Hashes passwords with scrypt (by default ln=15, r=8, p=3, as OWASP ASVS 5.0 allows) on threads of its own, so many at a time and no more.
struct PasswordHasher: Sendable {
    private let lanes: [Lane]
    private let load: Load
    private let parameters: PasswordHash.Parameters

    /// `waiting`: how many callers may queue before the next is refused.
    init(threads: Int, waiting: Int, parameters: PasswordHash.Parameters = .standard) {
        self.parameters = parameters
        lanes = (0..<threads).map { _ in Lane() }
        load = Load(limit: threads + waiting)
    }

    /// A PHC string with a fresh salt; throws ``PasswordError/busy`` when too many wait.
    func hash(_ password: Password) async throws(PasswordError) -> String {
        let salt = randomBytes(16)
        let digest = try await derive(password, salt: salt, parameters: parameters)
        return PasswordHash(parameters: parameters, salt: salt, digest: digest).text
    }

    /// Whether `password` is the one that was hashed; without a hash it takes the same time and is false. An imported hash is checked besides,
    /// so that it cannot be told by its speed.
    func verify(_ password: Password, against text: String?) async throws(PasswordError) -> Bool {
        if let imported = text.flatMap(ImportedHash.init) {
            _ = try await derive(password, salt: Data(repeating: 0, count: 16), parameters: parameters)
            return try await onLane { lane in await lane.matches(password, imported) }
        }
        guard let text, let stored = PasswordHash(text: text) else {
            _ = try await derive(password, salt: Data(repeating: 0, count: 16), parameters: parameters)
            return false
        }
        let digest = try await derive(password, salt: stored.salt, parameters: stored.parameters)
        return digest.constantTimeEquals(stored.digest)
    }

    /// Whether a stored hash was made with other parameters than new ones are.
    func isOutdated(_ text: String) -> Bool {
        PasswordHash(text: text)?.parameters != parameters
    }

    private func derive(_ password: Password, salt: Data, parameters: PasswordHash.Parameters) async throws(PasswordError) -> Data {
        try await onLane { lane in await lane.derive(password, salt: salt, parameters: parameters) }
    }

    private func onLane<Value: Sendable>(_ work: (Lane) async -> Value) async throws(PasswordError) -> Value {
        guard let number = load.enter() else { throw .busy }
        defer { load.leave() }
        return await work(lanes[number % lanes.count])
    }

    /// One thread that hashes.
    private actor Lane {
        private let executor = ThreadExecutor(name: "scrypt")
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        func derive(_ password: Password, salt: Data, parameters: PasswordHash.Parameters) -> Data {
            parameters.derive(password.bytes, salt: salt)
        }

        func matches(_ password: Password, _ imported: ImportedHash) -> Bool {
            imported.matches(password.bytes)
        }
    }

    /// Counts callers in and out.
    private final class Load: Sendable {
        private let limit: Int
        private let state = Mutex((inside: 0, entered: 0))

        init(limit: Int) {
            self.limit = limit
        }

        /// A running number, or nil when it is full.
        func enter() -> Int? {
            state.withLock { state in
                guard state.inside < limit else { return nil }
                state.inside += 1
                state.entered += 1
                return state.entered
            }
        }

        func leave() {
            state.withLock { $0.inside -= 1 }
        }
    }
}

/// Why a password was not hashed.
enum PasswordError: Error, Equatable {
    /// Too many wait already.
    case busy
}

extension Data {
    /// Takes the same time wherever the first difference is.
    func constantTimeEquals(_ other: Data) -> Bool {
        guard count == other.count else { return false }
        return zip(self, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
