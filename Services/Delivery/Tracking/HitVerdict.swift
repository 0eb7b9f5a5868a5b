import Foundation

/// Something that fetched an image or followed a link of a mail.
struct TrackedHit: Sendable, Equatable {
    let kind: TrackingToken.Kind
    let link: Int
    /// How many tracked links the mail has.
    let links: Int
    let visitor: Visitor
    let at: Date
}

/// Whether a person did it: decided from what came, when, and what came beside it, and from nothing that says who it was.
enum HitVerdict: String, Sendable {
    case human
    case machine

    /// People take longer to read anything after it was sent.
    static let quickestOpen: TimeInterval = 3
    static let quickestClick: TimeInterval = 10
    /// Around a hit on the hidden link everything is the machine's.
    static let hiddenReach: TimeInterval = 60
    /// Within this, several links at once are a machine's.
    static let burst: TimeInterval = 5
    static let manyLinks = 3
    /// When a hit can be judged: by then what came beside it is known.
    static let patience: TimeInterval = 20

    /// `neighbours`: all hits of the same mail, this one among them or not. `sentAt`: nil when the mail is not known to have gone out, as in the moment
    /// in which its server's reply is still on its way.
    init(_ hit: TrackedHit, among neighbours: [TrackedHit], sentAt: Date?) {
        self = Self.isMachine(hit, neighbours, sentAt) ? .machine : .human
    }

    private static func isMachine(_ hit: TrackedHit, _ neighbours: [TrackedHit], _ sentAt: Date?) -> Bool {
        guard hit.kind != .hidden, let sentAt else { return true }
        switch hit.visitor {
        case .prefetcher, .scanner, .program, .unknown: return true
        case .viewProxy where hit.kind == .click: return true
        case .viewProxy, .person: break
        }
        guard hit.at.timeIntervalSince(sentAt) >= (hit.kind == .open ? quickestOpen : quickestClick) else { return true }
        if neighbours.contains(where: { $0.kind == .hidden && abs($0.at.timeIntervalSince(hit.at)) <= hiddenReach }) { return true }
        guard hit.kind == .click else { return false }
        let near = Set(neighbours.filter { $0.kind == .click && abs($0.at.timeIntervalSince(hit.at)) <= burst }.map(\.link)).union([hit.link])
        return near.count >= manyLinks || near.count > 1 && near.count >= hit.links
    }
}
