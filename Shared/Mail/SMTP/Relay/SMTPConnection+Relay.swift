public import Logging
public import NIOCore
import NIOSSL
import Synchronization

extension SMTPConnection {
    /// A connection to a server that takes mail for others, as private as `relay` says, ready for the first message.
    ///
    /// Where encryption was offered and came to nothing, the error says so (``SMTPError/encryptionProblem``); whoever may do without tries again.
    public static func connect(
        to relay: SMTPRelay, on group: any EventLoopGroup, trust: SMTPRelayTrust, timeouts: SMTPTimeouts = SMTPTimeouts(),
        reach: SMTPReach = .publicAddresses, clientName: String?, logger: Logger
    ) async throws(SMTPError) -> SMTPRelayed {
        do throws(SMTPError) {
            let server = SMTPServer(host: relay.host, port: relay.port, security: .unprotected)
            let connection = try await open(
                server, at: try socketAddress(relay.address, relay.port),
                from: try relay.source.map { address throws(SMTPError) in
                    try socketAddress(address, 0)
                }, on: group.next(), trust: nil, timeouts: timeouts, reach: reach)
            let relayed = try await connection.begin(relay, trust, clientName: clientName)
            logger.debug("smtp relay ready", metadata: ["host": "\(relay.host)", "address": "\(relay.address)", "tls": "\(relayed.isEncrypted)"])
            return relayed
        } catch {
            logger.debug("smtp relay failed", metadata: ["host": "\(relay.host)", "address": "\(relay.address)", "error": "\(error)"])
            throw error
        }
    }

    private static func socketAddress(_ text: String, _ port: Int) throws(SMTPError) -> SocketAddress {
        do {
            return try SocketAddress(ipAddress: text, port: port)
        } catch {
            throw SMTPError(.invalidConfiguration, stage: .connect, message: "\(text) is not an address")
        }
    }

    private func begin(_ relay: SMTPRelay, _ trust: SMTPRelayTrust, clientName: String?) async throws(SMTPError) -> SMTPRelayed {
        try await closingOnFailure { () async throws(SMTPError) in
            let name = try self.helloName(clientName)
            let greeting = try await self.reply(to: self.handler.value.greeting, at: .greeting)
            guard greeting.isPositive else {
                throw SMTPError(.greetingRefused, stage: .greeting, message: "the server refuses connections", reply: greeting)
            }
            try await self.hello(name)
            guard relay.encryption != .none else { return self.relayed(isEncrypted: false, nil) }
            guard try await self.isReadyForTLS() else {
                guard relay.encryption == .required else { return self.relayed(isEncrypted: false, .notOffered) }
                var error = SMTPError(.tlsFailed, stage: .starttls, message: "the server does not offer STARTTLS")
                error.encryptionProblem = .notOffered
                throw error
            }
            let problem = try await self.encrypt(relay, trust, name)
            return self.relayed(isEncrypted: true, problem.map { .certificate($0) })
        }
    }

    private func relayed(isEncrypted: Bool, _ problem: SMTPEncryptionProblem?) -> SMTPRelayed {
        SMTPRelayed(connection: self, isEncrypted: isEncrypted, problem: problem, source: channel.localAddress?.ipAddress)
    }

    /// Whether the server waits for the handshake; one that refuses goes on as before.
    private func isReadyForTLS() async throws(SMTPError) -> Bool {
        guard capabilities.startTLS else { return false }
        return try await exchange(.startTLS).isPositive
    }

    /// The handshake, and EHLO once more; what is wrong with the certificate, where that does not end it.
    private func encrypt(_ relay: SMTPRelay, _ trust: SMTPRelayTrust, _ name: String) async throws(SMTPError) -> PeerProblem? {
        let verdict = PeerVerdict()
        let (context, authorities) = (trust.context(for: relay), trust.authorities)
        try handler.value.startTLS {
            try NIOSSLClientHandler(context: context, serverHostname: relay.host) { certificates, promise in
                guard let check = relay.check else { return promise.succeed(.certificateVerified) }
                Task {
                    let problem = await authorities.problem(with: certificates.presented, check)
                    verdict.set(problem)
                    promise.succeed(problem == nil || !relay.isCheckBinding ? .certificateVerified : .failed)
                }
            }
        }
        do throws(SMTPError) {
            // What was said before encryption may have been said by anybody.
            try await hello(name)
        } catch {
            guard error.code == .tlsFailed || error.code == .connectionLost else { throw error }
            var failure = error
            failure.code = .tlsFailed
            failure.encryptionProblem = verdict.problem.map { .certificate($0) } ?? .handshake
            if let problem = verdict.problem { failure.message = "the server's certificate is not accepted: \(problem.rawValue)" }
            throw failure
        }
        return verdict.problem
    }
}

/// What was found out in a handshake, on whatever thread.
private final class PeerVerdict: Sendable {
    private let value = Mutex<PeerProblem?>(nil)

    var problem: PeerProblem? { value.withLock(\.self) }

    func set(_ problem: PeerProblem?) {
        value.withLock { $0 = problem }
    }
}

extension [NIOSSLCertificate] {
    /// Those that can be written down; none when one cannot.
    fileprivate var presented: [PresentedCertificate] {
        (try? map { PresentedCertificate(bytes: try $0.toDERBytes(), key: try $0.extractPublicKey().toSPKIBytes()) }) ?? []
    }
}
