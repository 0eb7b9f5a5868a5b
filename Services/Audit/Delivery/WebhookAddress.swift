import Foundation
import NIOCore
import NIOPosix
import Primitives

/// Which webhooks may be posted to; the raw value is the setting's.
enum WebhookReach: String, Sendable, CaseIterable {
    /// Those of the Internet under https only: a customer who names one must not reach into our own network.
    case publicAddresses = "public"
    /// For development: any address, also without encryption.
    case anywhere
}

/// Why a text is not the address of a webhook.
struct WebhookAddressError: Error, Sendable, Equatable {
    let reason: String
}

/// An address that checkpoints are posted to.
///
/// The host is plain letters, digits, dots and hyphens, so that no two readers of the address see different hosts in it.
struct WebhookAddress: Sendable, Equatable {
    static let longest = 2_000

    let text: String
    let host: String
    let port: Int

    init(_ text: String, reach: WebhookReach) throws(WebhookAddressError) {
        guard (1...Self.longest).contains(text.utf8.count) else {
            throw WebhookAddressError(reason: "url must have 1 to \(Self.longest) characters.")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }), let url = URL(string: text),
            let scheme = url.scheme?.lowercased()
        else { throw WebhookAddressError(reason: "url is not the address of a webhook.") }
        guard scheme == "https" || (scheme == "http" && reach == .anywhere) else {
            throw WebhookAddressError(reason: "url must begin with https://.")
        }
        guard url.user() == nil, url.password() == nil, !Self.authority(of: text).contains("@") else {
            throw WebhookAddressError(reason: "url must hold no user and no password.")
        }
        guard let host = url.host(), !host.isEmpty, host.utf8.allSatisfy(Self.isHostCharacter) else {
            throw WebhookAddressError(reason: "url must name a host, in ASCII.")
        }
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        guard (1...65_535).contains(port) else { throw WebhookAddressError(reason: "url names no port from 1 to 65535.") }
        self.text = text
        self.host = host
        self.port = port
    }

    /// The address in digits that the host's name stands for now; one failure for "nobody" and for "not for you", since the difference would
    /// tell what stands inside.
    func resolve(reach: WebhookReach) async throws(CheckpointFailure) -> String {
        guard let found = await lookUp(), reach == .anywhere || PublicAddress.isPublic(found) else {
            throw CheckpointFailure("The host has no address of the Internet.")
        }
        return found
    }

    /// The look-up cannot be called off, waiting for it can: what comes after the time is dropped.
    private func lookUp() async -> String? {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: String?.self)
        let limit = loop.scheduleTask(in: .seconds(5)) { promise.succeed(nil) }
        let (host, port) = (host, port)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { () -> String? in
            try? SocketAddress.makeAddressResolvingHost(host, port: port).ipAddress
        }.cascade(to: promise)
        let found = try? await promise.futureResult.get()
        limit.cancel()
        return found
    }

    /// What stands between the scheme and the path.
    private static func authority(of text: String) -> Substring {
        guard let start = text.range(of: "://")?.upperBound else { return text[...] }
        return text[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "-")
    }
}
