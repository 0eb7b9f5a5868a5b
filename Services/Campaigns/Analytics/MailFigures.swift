import Contracts
import Foundation
import Postgres

/// What mails came to: of one step, variant or day, or of many added up.
struct MailFigures: Sendable, Equatable {
    /// Taken by the receiving server, or gone with an unknown fate.
    var sent: Int64 = 0
    var refused: Int64 = 0
    var bounced: Int64 = 0
    /// By people.
    var opened: Int64 = 0
    /// By scanners and proxies.
    var machineOpened: Int64 = 0
    var clicked: Int64 = 0
    var replied: Int64 = 0
    var complained: Int64 = 0
    var unsubscribed: Int64 = 0

    /// Sent and not come back. A bounce can be heard before the word that its mail went out: for that moment it is one too low, so that parts
    /// always sum to their total.
    var delivered: Int64 { sent - bounced }

    static func += (sum: inout MailFigures, part: MailFigures) {
        sum.sent += part.sent
        sum.refused += part.refused
        sum.bounced += part.bounced
        sum.opened += part.opened
        sum.machineOpened += part.machineOpened
        sum.clicked += part.clicked
        sum.replied += part.replied
        sum.complained += part.complained
        sum.unsubscribed += part.unsubscribed
    }

    static func sum(of parts: some Sequence<MailFigures>) -> MailFigures {
        parts.reduce(into: MailFigures()) { $0 += $1 }
    }

    /// Names and values in the order in which files have them.
    var cells: [(name: String, count: Int64)] {
        [
            ("sent", sent), ("delivered", delivered), ("refused", refused), ("bounced", bounced), ("opened", opened),
            ("machine_opened", machineOpened), ("clicked", clicked), ("replied", replied), ("complained", complained),
            ("unsubscribed", unsubscribed),
        ]
    }
}

/// Parts of a whole from 0 to 1, four digits; left out where nothing was delivered, or for bounces nothing sent.
struct MailRates: Encodable, Sendable, Equatable {
    /// Of what was sent; all others are of what was delivered.
    let bounced: Double?
    let opened: Double?
    let machineOpened: Double?
    let clicked: Double?
    let replied: Double?
    let complained: Double?
    let unsubscribed: Double?

    init(_ figures: MailFigures) {
        bounced = Self.part(figures.bounced, of: figures.sent)
        opened = Self.part(figures.opened, of: figures.delivered)
        machineOpened = Self.part(figures.machineOpened, of: figures.delivered)
        clicked = Self.part(figures.clicked, of: figures.delivered)
        replied = Self.part(figures.replied, of: figures.delivered)
        complained = Self.part(figures.complained, of: figures.delivered)
        unsubscribed = Self.part(figures.unsubscribed, of: figures.delivered)
    }

    static func part(_ part: Int64, of whole: Int64) -> Double? {
        whole > 0 ? (Double(part) / Double(whole) * 10_000).rounded() / 10_000 : nil
    }
}

extension MailFigures: Encodable {
    private enum CodingKeys: String, CodingKey {
        case sent, delivered, refused, bounced, opened, machineOpened, clicked, replied, complained, unsubscribed, rates
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sent, forKey: .sent)
        try container.encode(delivered, forKey: .delivered)
        try container.encode(refused, forKey: .refused)
        try container.encode(bounced, forKey: .bounced)
        try container.encode(opened, forKey: .opened)
        try container.encode(machineOpened, forKey: .machineOpened)
        try container.encode(clicked, forKey: .clicked)
        try container.encode(replied, forKey: .replied)
        try container.encode(complained, forKey: .complained)
        try container.encode(unsubscribed, forKey: .unsubscribed)
        try container.encode(MailRates(self), forKey: .rates)
    }
}

extension MailFigures {
    /// Of rows of `step_stats`, as `t`, one by one.
    static let columns: SQL = """
        t.sent, t.refused, t.bounced, t.opened, t.machine_opened, t.clicked, t.replied, t.complained, t.unsubscribed
        """

    /// Of rows of `step_stats`, as `t`, together; zeros where there are none.
    static let sums: SQL = """
        coalesce(sum(t.sent), 0)::bigint as sent, coalesce(sum(t.refused), 0)::bigint as refused, coalesce(sum(t.bounced), 0)::bigint as bounced,
        coalesce(sum(t.opened), 0)::bigint as opened, coalesce(sum(t.machine_opened), 0)::bigint as machine_opened,
        coalesce(sum(t.clicked), 0)::bigint as clicked, coalesce(sum(t.replied), 0)::bigint as replied,
        coalesce(sum(t.complained), 0)::bigint as complained, coalesce(sum(t.unsubscribed), 0)::bigint as unsubscribed
        """

    init(row: Row) throws {
        sent = try row.decode("sent")
        refused = try row.decode("refused")
        bounced = try row.decode("bounced")
        opened = try row.decode("opened")
        machineOpened = try row.decode("machine_opened")
        clicked = try row.decode("clicked")
        replied = try row.decode("replied")
        complained = try row.decode("complained")
        unsubscribed = try row.decode("unsubscribed")
    }
}
