import Contracts
public import HTTP
import HTTPTypes
public import Hummingbird
import Logging
import NIOCore
import Postgres
import Primitives
import RPC
import Streams

extension House {
    /// The router that the gateway reaches, with errors as problem details and the caller's identity checked.
    public func publicRouter(_ service: some DeployableService) -> Router<AppContext> {
        let router = Router(context: AppContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestObservation(metrics: RequestMetrics(), tracer: tracer))
        router.add(middleware: ProblemMiddleware { ($0 as? RPCError).flatMap(Problem.init(peer:)) })
        let tokens = tokens
        let clock = clock
        router.add(
            middleware: IdentityMiddleware { token in
                try Identity(await tokens.verifyIdentity(token, now: clock.now))
            })
        service.routes(on: router)
        return router
    }

    /// The router that only peers and the operator reach: RPC, health, metrics.
    func internalRouter(_ service: some DeployableService, metrics: MetricsRegistry, schema: Schema) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        var methods = RPCRouter(service: self.service)
        service.methods(on: &methods)
        methods.mount(on: router, tokens: tokens, clock: clock, tracer: tracer, logger: logger)
        router.get("/healthz") { _, _ in "ok" }
        router.get("/readyz") { _, _ in try await readiness(of: service, schema: schema) }
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: .init(byteBuffer: ByteBuffer(string: metrics.exposition() + ProcessMetrics.exposition())))
        }
        return router
    }

    private func readiness(of service: some DeployableService, schema: Schema) async throws -> Response {
        var checks = await service.readiness()
        checks["postgres"] = (try? await api.query("select 1 as one")) != nil
        checks["redis"] = await redisAnswers()
        checks["schema"] = schema.isCurrent
        let parts = await service.parts()
        let ready = !checks.values.contains(false)
        return try .json(Readiness(ready: ready, checks: checks, parts: parts), status: ready ? .ok : .serviceUnavailable)
    }

    private func redisAnswers() async -> Bool {
        guard let connection = try? await RedisConnection.connect(redis) else { return false }
        let answer = try? await connection.command(["PING"])
        await connection.close()
        return answer != nil
    }

    private struct Readiness: Encodable {
        let ready: Bool
        let checks: [String: Bool]
        let parts: [String: PartHealth]
    }
}

extension Identity {
    /// Reads the claims that Auth signed; an unknown role is no role.
    init(_ claims: IdentityClaims) throws(Problem) {
        guard let role = Role(rawValue: claims.role) else { throw Problem.unauthenticated }
        self.init(
            tenant: claims.tenant, user: claims.user, name: claims.name, role: role, isVerified: claims.verified,
            workspaces: claims.workspaces, session: claims.session, staff: claims.staff.flatMap(StaffRole.init),
            apiKey: claims.apiKey, support: claims.support)
    }
}

extension Problem {
    /// What a peer's refusal means to our caller: not available, or our own mistake (nil: log it and say "internal").
    init?(peer error: RPCError) {
        if let limit = Problem(limit: error) {
            self = limit
            return
        }
        guard error.isTransient else { return nil }
        self = .unavailable()
    }
}
