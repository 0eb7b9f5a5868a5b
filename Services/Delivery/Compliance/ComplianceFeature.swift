import Contracts
import HTTP
import Hummingbird
import Mail
import ServiceRuntime

/// What can be wrong with a mail itself.
protocol MailFault: Error {}

extension MailMessageError: MailFault {}
extension MailAddressError: MailFault {}

/// The compliance check.
struct ComplianceFeature {
    private let routes: ComplianceRoutes

    /// `domainState` says what is known of a tenant's domain, nil when it has not been added; `compose` makes the mail as it would go out,
    /// signature and all.
    init(
        _ house: House, links: UnsubscribeLinks, domainState: @escaping @Sendable (TenantID, String) async throws -> DomainState?,
        compose: @escaping @Sendable (Delivery, SendingMailbox) async throws -> [UInt8]
    ) {
        routes = ComplianceRoutes(
            store: ComplianceStore(database: house.api), domainState: domainState, compose: compose, links: links, clock: house.clock)
    }

    func routes(on router: Router<AppContext>) {
        routes.add(to: router)
    }
}
