import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives

/// Answers what the authority asks a host (RFC 8555, section 8.3): while it has an order, on any replica, whatever the token.
///
/// The answer is the token and our account's thumbprint. It proves to the authority that the account's owner answers for the host, and is worth
/// nothing to any other account; so it need not be kept by token.
struct ChallengeRoutes {
    let store: CertificateStore
    /// Nil: nobody certifies hosts, and nobody has anything to ask.
    let directory: String?
    let clock: WallClock

    func add(to router: Router<AppContext>) {
        router.get("/.well-known/acme-challenge/{token}") { request, context in
            guard let directory, let token = context.parameters.get("token"), Self.isToken(token), let host = Self.host(request),
                let thumbprint = try await store.thumbprint(for: host, at: directory, now: clock.now)
            else { throw Problem.notFound("challenge") }
            return Response(
                status: .ok, headers: [.contentType: "application/octet-stream", .cacheControl: "no-store"],
                body: .init(byteBuffer: ByteBuffer(string: "\(token).\(thumbprint)")))
        }
    }

    /// Letters of base64url alone: what is echoed must be nothing else.
    static func isToken(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x5F
            }
    }

    /// Whom the question is for: the name without its port.
    private static func host(_ request: Request) -> String? {
        request.head.authority.map { authority in
            var name = authority.prefix { $0 != ":" }.lowercased()
            if name.hasSuffix(".") { name.removeLast() }
            return name
        }
    }
}
