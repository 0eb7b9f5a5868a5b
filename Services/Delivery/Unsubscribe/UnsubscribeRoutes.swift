import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// The page behind a mail's unsubscribe link, and the one-click POST of RFC 8058; looking at it changes nothing.
struct UnsubscribeRoutes {
    let links: UnsubscribeLinks
    let preferences: Preferences

    func add(to router: Router<AppContext>) {
        router.get("/u/{token}") { request, context in
            try await legibly(request, context) { page in
                guard let (tenant, send) = context.parameters.get("token").flatMap(links.open),
                    let view = try await preferences.view(tenant: tenant, send: send)
                else { return page.broken }
                return page.question(view)
            }
        }
        router.post("/u/{token}") { request, context in
            try await legibly(request, context) { try await take(request, context, $0) }
        }
    }

    private func take(_ request: Request, _ context: AppContext, _ page: UnsubscribePage) async throws -> Response {
        guard let (tenant, send) = context.parameters.get("token").flatMap(links.open) else { return page.broken }
        let form = PreferenceForm(try await request.bytes(limit: PreferenceForm.largest), contentType: request.headers[.contentType])
        // A mail program's own button: no page, no cookie, no redirect, one commit.
        if form.isOneClick {
            guard try await preferences.choose(.company, tenant: tenant, send: send, source: "one_click") else { return page.broken }
            return Self.oneClick
        }
        guard let choice = form.choice else {
            // Whoever posts nothing that is asked for has chosen nothing.
            guard let view = try await preferences.view(tenant: tenant, send: send) else { return page.broken }
            return page.question(view)
        }
        guard try await preferences.choose(choice, tenant: tenant, send: send) else { return page.broken }
        return page.answer(choice, path: request.uri.path)
    }

    /// What fails is told to people in a page and in their language, to programs as everywhere.
    private func legibly(
        _ request: Request, _ context: AppContext, _ work: (UnsubscribePage) async throws -> Response
    ) async throws -> Response {
        let page = UnsubscribePage(acceptLanguage: request.headers[.acceptLanguage])
        do {
            return try await work(page)
        } catch {
            guard AcceptPage.isPreferred(by: request.headers[.accept]), let answer = page.failure(error) else { throw error }
            context.logger.warning("a recipient's choice could not be taken", metadata: ["error": "\(error)"])
            return answer
        }
    }

    private static var oneClick: Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store", .referrerPolicy: "no-referrer"],
            body: .init(byteBuffer: ByteBuffer(string: "unsubscribed\n")))
    }
}
