import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives

/// What mails' images and links ask for: answered out of the token alone, without a look into the database.
struct TrackingRoutes {
    let tokens: TrackingTokens
    let buffer: HitBuffer
    let networks: VisitorNetworks
    let clock: WallClock

    func add(to router: Router<AppContext>) {
        router.get("/t/o/{token}") { request, context in
            if let token = token(context), token.kind == .open { note(token, request, context) }
            // The same for everybody: nobody learns here what is a token and what is not.
            return Response(
                status: .ok, headers: Self.headers(contentType: "image/gif"), body: .init(byteBuffer: ByteBuffer(bytes: Self.pixel)))
        }
        router.get("/t/c/{token}") { request, context in
            guard let token = token(context) else { return Self.page("This link is not complete", status: .notFound) }
            switch token.kind {
            case .click where LinkDestination.isAllowed(token.destination):
                note(token, request, context)
                var headers = Self.headers(contentType: nil)
                headers[.location] = token.destination
                return Response(status: .found, headers: headers)
            case .hidden:
                note(token, request, context)
                return Self.page("There is nothing to read here", status: .ok)
            default: return Self.page("This link is not complete", status: .notFound)
            }
        }
    }

    private func token(_ context: AppContext) -> TrackingToken? {
        context.parameters.get("token").flatMap(tokens.open)
    }

    /// A HEAD asks whether something is there, and is nobody's look.
    private func note(_ token: TrackingToken, _ request: Request, _ context: AppContext) {
        guard request.method == .get else { return }
        let purpose = [HTTPField.Name.purpose, .secPurpose, .xMoz].compactMap { request.headers[$0] }.joined(separator: " ")
        let visitor = Visitor(
            .init(userAgent: context.userAgent, address: context.clientAddress, purpose: purpose.isEmpty ? nil : purpose), networks: networks)
        buffer.add(
            .init(tenant: token.tenant, send: token.send, kind: token.kind, link: token.link, links: token.links, visitor: visitor), at: clock.now)
    }

    private static func headers(contentType: String?) -> HTTPFields {
        var headers: HTTPFields = [.cacheControl: "no-store, private, max-age=0", .referrerPolicy: "no-referrer", .robots: "noindex, nofollow"]
        headers[.contentType] = contentType
        return headers
    }

    private static func page(_ title: String, status: HTTPResponse.Status) -> Response {
        var response = Response.html(
            """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(title)</title></head><body><main><h1>\(title)</h1></main></body></html>
            """, status: status)
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.robots] = "noindex, nofollow"
        return response
    }

    /// One transparent point: GIF89a, 43 bytes.
    static let pixel: [UInt8] = [
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x21, 0xF9, 0x04,
        0x01, 0x00, 0x00, 0x00, 0x00, 0x2C, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3B,
    ]
}

extension HTTPField.Name {
    fileprivate static let purpose = Self("Purpose")!
    fileprivate static let secPurpose = Self("Sec-Purpose")!
    fileprivate static let xMoz = Self("X-Moz")!
    static let referrerPolicy = Self("Referrer-Policy")!
    static let robots = Self("X-Robots-Tag")!
}
