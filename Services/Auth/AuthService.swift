import Contracts
import HTTP
import Hummingbird
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Tenants, people, sessions and workspaces; answers the gateway's "who is this request".
struct AuthService: DeployableService {
    static let name = ServiceName.auth
    static let metrics = GatewayRoutes.metrics
    static let migrations = [
        Migration(name: "m0001_accounts", embedded: PackageResources.m0001_accounts_sql),
        Migration(name: "m0002_staff", embedded: PackageResources.m0002_staff_sql),
        Migration(name: "m0003_recovery_and_second_factor", embedded: PackageResources.m0003_recovery_and_second_factor_sql),
        Migration(name: "m0004_members", embedded: PackageResources.m0004_members_sql),
        Migration(name: "m0005_api_keys", embedded: PackageResources.m0005_api_keys_sql),
        Migration(name: "m0006_retention", embedded: PackageResources.m0006_retention_sql),
        Migration(name: "m0007_openid", embedded: PackageResources.m0007_openid_sql),
        Migration(name: "m0008_policies", embedded: PackageResources.m0008_policies_sql),
        Migration(name: "m0009_platform", embedded: PackageResources.m0009_platform_sql),
        Migration(name: "m0010_deletions", embedded: PackageResources.m0010_deletions_sql),
        Migration(name: "m0011_whole_indexes", embedded: PackageResources.m0011_whole_indexes_sql),
        Migration(name: "m0012_seats", embedded: PackageResources.m0012_seats_sql),
        Migration(name: "m0013_support_scope", embedded: PackageResources.m0013_support_scope_sql),
        Migration(name: "m0014_trail_invitations", embedded: PackageResources.m0014_trail_invitations_sql),
        HouseTables.repeatedHeaders("m0015_repeated_headers"),
    ]
    static let keys =
        MailTransport.keys + OpenIDProvider.keys + [
            StaffAppointments.key,
            BreachedPasswords.key,
            ConfigurationKey("password.log.rounds", "scrypt's cost for new passwords, as a binary logarithm (10–17).", default: "15"),
        ]

    /// A mail server is a must only where mails go by SMTP.
    static let settingsForListing = ["mail.host": "none", "mail.from": "nobody@example.invalid"]

    private let accounts: Accounts
    private let sessions: Sessions
    private let passwords: Passwords
    private let factors: Factors
    private let members: Members
    private let nile: NileDirectory
    private let tenants: Tenants
    private let keys: ApiKeys
    private let clock: WallClock
    private let emailChanges: EmailChanges
    private let guardian: SessionGuard
    private let revocations: RevocationChannel
    private let workspaces: Workspaces
    private let authenticator: Authenticator
    private let crossSite: CrossSiteCheck
    private let mailer: Mailer
    private let retention: Retention
    private let rules: PasswordRules
    private let policies: TenantPolicies
    private let platform: PlatformAdministration
    private let support: SupportSessions
    let supportEnder: SupportSessionEnder
    private let openID: OpenIDSignIn
    private let openIDLinks: OpenIDLinks
    private let baseURL: String
    private let deletions: Deletions
    let deletionSaga: DeletionSaga
    private let recounts: [any Service]

    init(_ house: House) async throws {
        let cost = PasswordHash.Parameters(
            logRounds: try house.settings.integer("password.log.rounds", in: 10...17), blockSize: 8, parallelism: 3)
        let passwords = PasswordHasher(threads: 2, waiting: 32, parameters: cost)
        let mails = MailStore(database: house.worker, keyring: house.keyring)
        crossSite = CrossSiteCheck(keyring: house.keyring, origin: house.publicBaseURL.origin)
        let throttle = Throttle(database: house.worker, clock: house.clock)
        revocations = RevocationChannel(cache: SessionCache(), redis: house.redis, client: RedisClient(house.redis), logger: house.logger)
        baseURL = house.publicBaseURL.origin
        factors = Factors(house: house, throttle: throttle, mails: mails, baseURL: baseURL)
        sessions = try Sessions(house: house, passwords: passwords, throttle: throttle, factors: factors, revocations: revocations)
        self.passwords = Passwords(house: house, hasher: passwords, sessions: sessions, mails: mails, baseURL: baseURL)
        emailChanges = EmailChanges(house: house, sessions: sessions, mails: mails, baseURL: baseURL)
        members = Members(house: house, hasher: passwords, sessions: sessions, mails: mails, baseURL: baseURL)
        tenants = Tenants(house: house, sessions: sessions)
        nile = NileDirectory(house: house, sessions: sessions, factors: factors)
        guardian = SessionGuard(sessions: sessions, clock: house.clock)
        accounts = Accounts(house: house, passwords: passwords, mails: mails, revocations: revocations)
        workspaces = Workspaces(house: house)
        rules = PasswordRules(database: house.worker, api: house.api, breached: try BreachedPasswords(house.settings))
        policies = TenantPolicies(house: house, sessions: sessions)
        platform = PlatformAdministration(house: house, sessions: sessions, passwords: self.passwords)
        support = SupportSessions(house: house)
        supportEnder = SupportSessionEnder(house: house)
        openID = try OpenIDSignIn(house: house, sessions: sessions, factors: factors, mails: mails, baseURL: baseURL)
        openIDLinks = OpenIDLinks(house: house)
        keys = ApiKeys(house: house)
        deletions = Deletions(house: house)
        deletionSaga = DeletionSaga(house: house, sessions: sessions)
        recounts = [ResourceCounts.users(house), ResourceCounts.workspaces(house)]
        clock = house.clock
        authenticator = Authenticator(
            sessions: sessions, keys: keys, support: support, crossSite: crossSite, tokens: house.tokens, clock: house.clock)
        retention = Retention(database: house.worker, clock: house.clock, logger: house.logger)
        mailer = Mailer(
            mails: mails, transport: try MailTransport.make(house.settings, logger: house.logger), clock: house.clock, logger: house.logger)
    }

    func routes(on router: Router<AppContext>) {
        router.add(middleware: CrossSiteRenewal(crossSite: crossSite))
        GatewayRoutes(authenticator: authenticator).add(to: router)
        AccountRoutes(accounts: accounts, crossSite: crossSite, rules: rules, baseURL: baseURL).add(to: router)
        SessionRoutes(sessions: sessions, crossSite: crossSite, guardian: guardian).add(to: router)
        PasswordRoutes(passwords: passwords, rules: rules, guardian: guardian, crossSite: crossSite).add(to: router)
        FactorRoutes(factors: factors, sessions: sessions, guardian: guardian, crossSite: crossSite).add(to: router)
        EmailChangeRoutes(changes: emailChanges, guardian: guardian, crossSite: crossSite).add(to: router)
        ApiKeyRoutes(keys: keys, guardian: guardian, clock: clock).add(to: router)
        MemberRoutes(members: members, rules: rules, guardian: guardian, crossSite: crossSite).add(to: router)
        WorkspaceRoutes(workspaces: workspaces).add(to: router)
        addNile(to: router)
        TenantRoutes(tenants: tenants, guardian: guardian).add(to: router)
        PolicyRoutes(policies: policies, guardian: guardian).add(to: router)
        PlatformRoutes(platform: platform).add(to: router)
        SupportRoutes(support: support).add(to: router)
        DeletionRoutes(deletions: deletions, guardian: guardian).add(to: router)
        OpenIDRoutes(openID: openID, links: openIDLinks, guardian: guardian, sessions: sessions, crossSite: crossSite, clock: clock).add(to: router)
    }

    /// The same features once more, in the words of Nile's SDK.
    private func addNile(to router: Router<AppContext>) {
        let (check, addresses) = (NileCrossSite(check: crossSite), NileAddresses(origin: baseURL))
        NileSessionRoutes(sessions: sessions, directory: nile, guardian: guardian, crossSite: check, addresses: addresses).add(to: router)
        NileAccountRoutes(
            accounts: accounts, passwords: passwords, rules: rules, sessions: sessions, directory: nile, crossSite: check, addresses: addresses
        ).add(to: router)
        NileTenantRoutes(
            members: members, sessions: sessions, directory: nile, tenants: tenants, guardian: guardian, crossSite: check
        ).add(to: router)
    }

    /// What the plans allow API keys.
    var planRates: PlanRates { keys.rates }

    func methods(on router: inout RPCRouter) {
        AuthHandlers(workspaces: workspaces, sessions: sessions, support: support).add(to: &router)
    }

    var background: [any Service] { [mailer, revocations, retention, deletionSaga, supportEnder, planRates] + recounts }
}
