import Contracts
import HTTP
import HTTPTypes
import Hummingbird
import Metrics
import Primitives

/// The gateway's own question; its path is not in the route table, so nobody outside can ask it.
struct GatewayRoutes {
    static let metrics: [MetricDescription] = [
        .counter(
            "auth_gateway_answers_total", "outcome",
            help: "The gateway's questions who a request is: identity, or why it is refused (unauthenticated, forbidden, rate_limited, csrf_…).")
    ]

    let authenticator: Authenticator

    func add(to router: Router<AppContext>) {
        let authenticator = authenticator
        let answers = Memo<String, Counter> { Counter(label: "auth_gateway_answers_total", dimensions: [("outcome", $0)]) }
        router.get("/gateway/authenticate") { request, _ in
            guard let audience = request.headers[.audience].flatMap(ServiceName.init(rawValue:)) else {
                throw Problem.invalid("X-Audience must name a service.")
            }
            let question = Authenticator.Question(
                method: request.headers[.originalMethod] ?? "GET", target: request.headers[.originalTarget], audience: audience,
                headers: request.headers)
            switch try await authenticator.answer(question) {
            case .identity(let token):
                answers["identity"].increment()
                return Response(status: .ok, headers: [.identityToken: token])
            case .problem(let refusal):
                answers[refusal.rawValue].increment()
                return Response(status: .forbidden, headers: [.authProblem: refusal.rawValue])
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
