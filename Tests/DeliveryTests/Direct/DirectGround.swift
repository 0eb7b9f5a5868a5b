import Contracts
import DNS
import Foundation
import Mail
import NIOPosix
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery
@testable import OutgoingHTTP

/// The direct transport between real servers: DNS, mail servers of others, the web server of their policies, Postgres.
struct DirectGround: Sendable {
    typealias Zone = [String: TestDNSServer.Entry]

    let house: TestHouse
    let exchanges: TestExchanges
    let dns: TestDNSServer
    let feature: DirectFeature
    let mailbox = MailboxID(UUID())

    /// `policies`: domains whose policy may be fetched.
    static func make(
        _ hosts: [String: TestExchanges.Host], policies: [String] = [], more: [String: String] = [:]
    ) async throws -> DirectGround {
        let exchanges = try await TestExchanges.start(hosts, policies: policies)
        let dns = try await TestDNSServer.start()
        let configuration = Self.configuration(exchanges, dns).merging(more) { $1 }
        let house = try await TestHouse.make(for: DeliveryService.self, configuration: configuration)
        let names = policies.map { "mta-sts.\($0):\(exchanges.policyPort):127.0.0.1" }
        let http = try OutgoingHTTP(
            TransferSettings(
                reach: .anywhere, certificates: exchanges.authorityFile, userAgent: "test", limits: OutgoingLimits(), names: names),
            logger: house.house.logger)
        let feature = try DirectFeature(
            house.house, resolver: try DomainsFeature.resolver(house.house.settings), http: http, policyPort: exchanges.policyPort, shuffle: { $0 })
        return DirectGround(house: house, exchanges: exchanges, dns: dns, feature: feature)
    }

    static func configuration(_ exchanges: TestExchanges, _ dns: TestDNSServer) -> [String: String] {
        [
            "dns.server": dns.address, "delivery.smtp.reach": "anywhere", "mail.ca.file": exchanges.authorityFile,
            "delivery.direct.name": "mta.operator.example", "delivery.direct.port": "\(exchanges.port)", "delivery.direct.dnssec": "true",
        ]
    }

    var transport: DirectTransport {
        get throws { try #require(feature.transport) }
    }

    func send(to recipient: String) async throws -> DirectTransport.Attempt {
        let address = try MailAddress(recipient)
        let mail = DirectTransport.Mail(
            envelope: SMTPEnvelope(sender: try MailAddress("me@sender.example"), recipients: [address]),
            message: Array("From: <me@sender.example>\r\nTo: <\(recipient)>\r\nSubject: Hi\r\n\r\nHi.\r\n".utf8), domain: address.domain,
            mailbox: mailbox)
        return try await transport.send(mail, on: MultiThreadedEventLoopGroup.singleton) {}
    }

    /// What was counted, as `type result host reason sessions`, in order.
    func counted() async throws -> [String] {
        try await feature.writer.flush()
        return try await house.house.worker.query(
            """
            select policy_type || ' ' || result_type || ' ' || mx_host || ' ' || reason || ' ' || sum(sessions)::text as line from tls_report_counts
            group by policy_domain, policy_type, result_type, mx_host, reason order by policy_domain, policy_type, result_type, mx_host, reason
            """
        ).map { try $0.decode("line") }
    }

    /// Past the memory of routes, policies' freshness and servers' rest.
    func advance(_ duration: Duration = .seconds(3_700)) {
        house.clock.advance(by: duration)
    }
}

extension DeliveryResult {
    /// `kind code`, and the words' beginning, which is the status.
    var brief: String {
        switch self {
        case .accepted(let code, _): "accepted \(code)"
        case .refused(let code, let text): "refused \(code) \(text.prefix { $0 != " " })"
        case .deferred(let code, let text): "deferred \(code) \(text.prefix { $0 != " " })"
        default: kind.rawValue
        }
    }
}
