public import Contracts
public import HTTP
public import Hummingbird
public import Postgres
public import RPC
public import ServiceLifecycle

/// What the runtime needs to know of a service to run it: its schema, its settings, what it answers and what it does by itself.
public protocol DeployableService: Sendable {
    static var name: ServiceName { get }
    static var migrations: [Migration] { get }
    /// Its own settings, beyond those every service has.
    static var keys: [ConfigurationKey] { get }
    /// Settings that have a default and with whose default alone it cannot be built, for listing its routes without anything running.
    static var settingsForListing: [String: String] { get }

    /// Builds everything, connects to nothing: what needs a connection makes it when it runs.
    init(_ house: House) async throws

    /// The public routes, as the gateway's route table lists them.
    func routes(on router: Router<AppContext>)
    /// What other services may ask.
    func methods(on router: inout RPCRouter)
    /// What runs besides answering, in the order of starting; stopped in reverse, after the listeners have drained.
    var background: [any Service] { get }
    /// Whether each thing it cannot work without is there, beyond Postgres and Redis.
    func readiness() async -> [String: Bool]
}

extension DeployableService {
    public static var keys: [ConfigurationKey] { [] }
    public static var settingsForListing: [String: String] { [:] }
    public var background: [any Service] { [] }
    public func readiness() async -> [String: Bool] { [:] }
}
