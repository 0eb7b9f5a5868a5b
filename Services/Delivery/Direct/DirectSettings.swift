import DNS
import Foundation
import Mail
import NIOCore
import ServiceRuntime

/// How this installation sends mail itself: from which addresses, and under which name.
struct DirectSettings: Sendable {
    static let keys = [
        ConfigurationKey(
            "delivery.direct.name",
            "Name by which this installation's own mail servers greet others; its addresses' PTR records. Empty: nobody sends directly.",
            default: ""),
        ConfigurationKey(
            "delivery.direct.addresses", "Own addresses that direct mail comes from, apart by commas; empty leaves that to the system.", default: ""),
        ConfigurationKey(
            "delivery.direct.connections", "Direct mails on the wire to one destination at once, over all mailboxes of this replica.", default: "8"),
        ConfigurationKey(
            "delivery.direct.dnssec",
            "Whether dns.server (or the system's resolver) proves what DNSSEC signs and only we stand between: then DANE decides whom to trust.",
            default: "false"),
        ConfigurationKey("delivery.direct.port", "Port of other mail servers; anything but 25 is for development.", default: "25"),
    ]

    let name: String
    let sources: [String]
    let connections: Int
    let isResolverTrusted: Bool
    let port: Int

    /// Nil when nobody sends directly here.
    init?(_ settings: Settings) throws {
        let name = settings["delivery.direct.name"]
        guard !name.isEmpty else { return nil }
        var problems: [String] = []
        if DNSName.normalized(name) == nil || !name.contains(".") { problems.append("delivery.direct.name must be the name of a host") }
        let sources = settings["delivery.direct.addresses"].split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init)
        if sources.contains(where: { DNSName.reverse(of: $0) == nil }) {
            problems.append("delivery.direct.addresses must be addresses, apart by commas")
        }
        let trusted = Bool(settings["delivery.direct.dnssec"])
        if trusted == nil { problems.append("delivery.direct.dnssec must be true or false") }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        self.name = name.lowercased()
        self.sources = sources
        connections = try settings.integer("delivery.direct.connections", in: 1...1_000)
        isResolverTrusted = trusted ?? false
        port = try settings.integer("delivery.direct.port", in: 1...65_535)
    }

    var families: MailRoutes.AddressFamilies {
        sources.isEmpty
            ? .init() : .init(four: sources.contains { !$0.contains(":") }, six: sources.contains { $0.contains(":") })
    }

    /// The address from which a mailbox speaks to another: always the same one, so that its reputation is its own.
    func source(for mailbox: UUID, to address: String) -> String? {
        let fitting = sources.filter { $0.contains(":") == address.contains(":") }
        guard !fitting.isEmpty else { return nil }
        let number = withUnsafeBytes(of: mailbox.uuid) { $0.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 } }
        return fitting[Int(number % UInt64(fitting.count))]
    }
}
