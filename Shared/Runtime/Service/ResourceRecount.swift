public import Contracts
import Foundation
import Logging
public import Postgres
import Primitives
import RPC
public import ServiceLifecycle

/// Tells Billing every night how many of a resource each company has, by the count of the service whose it is.
///
/// Every replica does it, a while after it starts and then at about three in the morning (UTC): telling twice does no harm.
public struct ResourceRecount: Service {
    /// Gives the next companies, by identifier, after `start`, with how many each has; none when there are no more.
    public typealias NextPage = @Sendable (_ start: TenantID?, _ limit: Int, Database) async throws -> [(tenant: TenantID, used: Int64)]

    private static let page = 500

    private let resource: BillingRPC.Resource
    private let nextPage: NextPage
    private let database: Database
    private let billing: RPCClient
    private let clock: WallClock
    private let logger: Logger

    public init(house: House, of resource: BillingRPC.Resource, nextPage: @escaping NextPage) {
        self.resource = resource
        self.nextPage = nextPage
        database = house.worker
        billing = house.peer(.billing)
        clock = house.clock
        logger = house.logger
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var pause = Duration.seconds(Int64.random(in: 60...600))
            while true {
                do {
                    try await Task.sleep(for: pause)
                    try await count()
                    pause = Self.untilNight(from: clock.now) + .seconds(Int64.random(in: 0...1_800))
                } catch {
                    if Task.isCancelled { return }
                    logger.warning("counting interrupted", metadata: ["resource": "\(resource)", "error": "\(error)"])
                    pause = .seconds(300)
                }
            }
        }
    }

    /// One round over all companies.
    public func count() async throws {
        var start: TenantID?
        while true {
            let countedAt = clock.now
            let companies = try await nextPage(start, Self.page, database)
            for company in companies {
                try await tell(company.tenant, company.used, countedAt)
            }
            guard companies.count == Self.page, let last = companies.last else { return }
            start = last.tenant
        }
    }

    /// A refusal about one company is no reason to leave out the others; when nobody answers there is.
    private func tell(_ tenant: TenantID, _ used: Int64, _ countedAt: Date) async throws {
        do throws(RPCError) {
            _ = try await billing.call(BillingRPC.RecountResource(tenant: tenant, resource: resource, used: used, countedAt: countedAt))
        } catch {
            if error.isTransient { throw error }
            logger.warning("a count was refused", metadata: ["tenant": "\(tenant)", "resource": "\(resource)", "error": "\(error)"])
        }
    }

    /// Until three in the morning, UTC.
    static func untilNight(from now: Date) -> Duration {
        let day = 86_400.0
        let passed = (now.timeIntervalSince1970 - 3 * 3_600).truncatingRemainder(dividingBy: day)
        return .seconds(day - passed)
    }
}
