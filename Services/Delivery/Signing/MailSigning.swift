import Contracts
import Foundation
import Mail
import Primitives
import Synchronization

/// Signs mail on its way out, where its sender's domain has a key in use.
struct MailSigning: Sendable {
    let signers: Signers
    let threads: SigningThreads
    let clock: WallClock

    /// The message with its signatures, or as it is where no key of the domain is in use. Throws when that cannot be known or done now: then the
    /// mail waits.
    func signed(_ message: [UInt8], of tenant: TenantID, from domain: String) async throws -> [UInt8] {
        guard let signer = try await signers.signer(for: tenant, domain: domain) else { return message }
        return try await threads.next().sign(message, with: signer, at: clock.now)
    }
}

/// As many threads as there are processors, that do nothing but sign: a signature with RSA takes the better part of a millisecond, in which the
/// event loops serve the other connections, and mail of one loop is signed by all processors.
final class SigningThreads: Sendable {
    private let threads: [SigningThread]
    private let turn = Atomic<Int>(0)

    init(count: Int = ProcessInfo.processInfo.activeProcessorCount) {
        threads = (0..<max(1, count)).map { SigningThread(name: "signing-\($0)") }
    }

    /// One after the other, since all signatures take about as long.
    func next() -> SigningThread {
        let number = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return threads[Int(UInt(bitPattern: number) % UInt(threads.count))]
    }
}

/// Signs one mail at a time.
actor SigningThread {
    private let executor: ThreadExecutor

    init(name: String) {
        executor = ThreadExecutor(name: name)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func sign(_ message: [UInt8], with signer: DKIMSigner, at instant: Date) throws(DKIMError) -> [UInt8] {
        try signer.signed(message, at: instant)
    }
}
