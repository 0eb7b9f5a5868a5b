public import Contracts
public import HTTP
public import Hummingbird
public import Postgres
public import Primitives
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
    /// Whether it has something to say while the database is away, also when it was started then: it listens at once, and its schema is brought up
    /// to date when the database is there. Every other service first migrates, then serves.
    static var servesWithoutDatabase: Bool { get }

    /// What it counts, beyond what every service does.
    static var metrics: [MetricDescription] { get }

    /// Builds everything, connects to nothing: what needs a connection makes it when it runs.
    init(_ house: House) async throws

    /// The public routes, as the gateway's route table lists them.
    func routes(on router: Router<AppContext>)
    /// What other services may ask.
    func methods(on router: inout RPCRouter)
    /// What runs besides answering, in the order of starting; stopped in reverse, after the listeners have drained.
    ///
    /// Begins when the schema is there.
    var background: [any Service] { get }
    /// What runs besides answering and needs no database: begins with the listeners.
    var watching: [any Service] { get }
    /// Whether each thing it cannot work without is there, beyond Postgres and Redis.
    func readiness() async -> [String: Bool]
    /// How the parts of the public status that only this service knows fare, by their names there (`inbox`, `webhooks`); told beside the readiness,
    /// which they do not decide. A part that no service names is shown as unknown.
    func parts() async -> [String: PartHealth]
}

/// How a part of the product fares, as its service sees it; the public status counts several of these before it says anything.
public enum PartHealth: String, Sendable, Encodable {
    case good
    /// Works, but not all of it.
    case impaired
    case bad
}

extension DeployableService {
    public static var keys: [ConfigurationKey] { [] }
    public static var metrics: [MetricDescription] { [] }
    public static var settingsForListing: [String: String] { [:] }
    public static var servesWithoutDatabase: Bool { false }
    public var background: [any Service] { [] }
    public var watching: [any Service] { [] }
    public func readiness() async -> [String: Bool] { [:] }
    public func parts() async -> [String: PartHealth] { [:] }
}
