import Foundation
import Logging
import Metrics
import NIOCore
import NIOPosix
import NIOSSL
import Primitives
import ServiceRuntime

/// Looks at the certificate that the gateway shows, so that somebody hears in time that it ends. Whether it is to be trusted is others' business.
struct GatewayCertificate: Sendable {
    struct Unreadable: Error {}

    private static let patience = TimeAmount.seconds(5)

    let host: String
    let port: Int

    /// Nil for what is no `https` address.
    init?(_ address: String) {
        guard let url = URL(string: address), url.scheme == "https", let host = url.host(), !host.isEmpty else { return nil }
        (self.host, port) = (host, url.port ?? 443)
    }

    func sampling(_ logger: Logger) -> GaugeSampling {
        GaugeSampling("gateway_certificate", every: .seconds(300), logger: logger) {
            Meter(label: "gateway_certificate_expiry_timestamp_seconds").set(try await expiry().timeIntervalSince1970)
        }
    }

    /// When it ends, by a handshake of its own.
    func expiry() async throws -> Date {
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let promise = loop.makePromise(of: Date.self)
        let late = loop.scheduleTask(in: Self.patience) { promise.fail(Unreadable()) }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .noHostnameVerification
        let context = try NIOSSLContext(configuration: configuration)
        // A server name must be a name: addresses are asked without.
        let name = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." } ? nil : host
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(Self.patience).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = try NIOSSLClientHandler(
                    context: context, serverHostname: name,
                    customVerificationCallback: { certificates, verdict in
                        if let first = certificates.first {
                            promise.succeed(Date(timeIntervalSince1970: TimeInterval(first.notValidAfter)))
                        } else {
                            promise.fail(Unreadable())
                        }
                        // All that was wanted is known.
                        verdict.succeed(.failed)
                    })
                try channel.pipeline.syncOperations.addHandler(handler)
            }
        }
        bootstrap.connect(host: host, port: port).whenComplete { result in
            switch result {
            case .success(let channel): promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
            case .failure(let error): promise.fail(error)
            }
        }
        defer { late.cancel() }
        return try await promise.futureResult.get()
    }
}
