import Contracts
import HTTP
import HTTPTypes
import Hummingbird

/// The gateway's own question; its path is not in the route table, so nobody outside can ask it.
struct GatewayRoutes {
    let authenticator: Authenticator

    func add(to router: Router<AppContext>) {
        let authenticator = authenticator
        router.get("/gateway/authenticate") { request, _ in
            guard let audience = request.headers[.audience].flatMap(ServiceName.init(rawValue:)) else {
                throw Problem.invalid("X-Audience must name a service.")
            }
            let question = Authenticator.Question(
                method: request.headers[.originalMethod] ?? "GET", target: request.headers[.originalTarget], audience: audience,
                headers: request.headers)
            switch try await authenticator.answer(question) {
            case .identity(let token): return Response(status: .ok, headers: [.identityToken: token])
            case .problem(let refusal): return Response(status: .forbidden, headers: [.authProblem: refusal.rawValue])
            }
        }
    }
}

extension HTTPField.Name {
    fileprivate static let audience = Self("X-Audience")!
    fileprivate static let originalMethod = Self("X-Original-Method")!
    fileprivate static let originalTarget = Self("X-Original-URI")!
    fileprivate static let authProblem = Self("X-Auth-Problem")!
}
