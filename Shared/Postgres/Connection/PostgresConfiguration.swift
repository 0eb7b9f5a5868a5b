/// Where the server is and as whom to speak to it.
public struct PostgresConfiguration: Sendable {
    public var host: String
    public var port: Int
    public var database: String
    public var role: String
    public var password: String
    /// The server ends a statement that runs longer.
    public var statementTimeout: Duration
    public var connectTimeout: Duration
    /// Shown in `pg_stat_activity`.
    public var applicationName: String
    /// Whether prepared statements keep one plan for all parameters instead of being planned anew for each: right where parameters are batches
    /// of identifiers, whose plan does not depend on them, wrong where one value is common and another rare.
    ///
    /// A plan that is kept must also hold when the table has grown: whoever begins with an empty one would read it whole for ever, as the
    /// planner then prefers. Indexes are therefore used wherever there is one; what is read whole for want of one must not be compiled (JIT)
    /// for the cost that it then seems to have.
    public var keepsPlans = false

    public init(
        host: String, port: Int, database: String, role: String, password: String, statementTimeout: Duration = .seconds(30),
        connectTimeout: Duration = .seconds(5), applicationName: String = "penguinmails"
    ) {
        self.host = host
        self.port = port
        self.database = database
        self.role = role
        self.password = password
        self.statementTimeout = statementTimeout
        self.connectTimeout = connectTimeout
        self.applicationName = applicationName
    }

    /// libpq's keywords and values.
    var parameters: [(String, String)] {
        [
            ("host", host), ("port", String(port)), ("dbname", database), ("user", role), ("password", password),
            ("connect_timeout", String(max(2, connectTimeout.components.seconds))), ("application_name", applicationName),
            ("client_encoding", "UTF8"), ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            (
                "options",
                "-c TimeZone=UTC -c DateStyle=ISO -c statement_timeout=\(statementTimeout.milliseconds)"
                    + (keepsPlans ? " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off" : "")
            ),
        ]
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
