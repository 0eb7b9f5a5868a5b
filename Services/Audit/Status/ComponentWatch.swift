import Contracts
import Foundation

/// When a part's trouble becomes an incident, and when that is over; the deadlines are stored, so that a restart resets neither.
struct ComponentWatch: Sendable, Equatable {
    /// Trouble that lasts longer is an incident.
    static let patience: TimeInterval = 300
    /// A part that worked this long works again; shorter lulls do not restart the patience.
    static let calm: TimeInterval = 120
    /// What was stored longer ago says nothing about now.
    static let memory: TimeInterval = 600

    enum Demand: Equatable {
        case open
        case resolve(IncidentID)
    }

    var troubledSince: Date?
    var wellSince: Date?
    /// The incident that the probes opened for this trouble.
    var incident: IncidentID?

    /// What to do about the incident after one more look; nil when nothing is to be done.
    mutating func observe(_ status: ComponentStatus, now: Date) -> Demand? {
        switch status {
        case .unknown:
            // Nobody saw it work meanwhile; that the trouble is over was not seen either.
            wellSince = nil
            return nil
        case .maintenance:
            // Work that was announced is neither trouble nor a proof of recovery.
            troubledSince = nil
            wellSince = nil
            return nil
        case .degraded, .down:
            let since = troubledSince ?? now
            troubledSince = since
            wellSince = nil
            return incident == nil && now.timeIntervalSince(since) > Self.patience ? .open : nil
        case .operational:
            let since = wellSince ?? now
            wellSince = since
            guard now.timeIntervalSince(since) >= Self.calm else { return nil }
            troubledSince = nil
            guard let open = incident else { return nil }
            incident = nil
            return .resolve(open)
        }
    }

    /// The wall clock was set by this much: what was measured with it goes along, so that no patience is shortened or lengthened.
    mutating func shift(by step: TimeInterval) {
        troubledSince? += step
        wellSince? += step
    }

    /// Goes on where an earlier process stopped, whatever was seen since this one began.
    mutating func adopt(_ earlier: ComponentWatch, seenAt: Date, now: Date) {
        incident = earlier.incident ?? incident
        guard now.timeIntervalSince(seenAt) <= Self.memory else { return }
        troubledSince = [earlier.troubledSince, troubledSince].compactMap { $0 }.min()
        if troubledSince == nil { wellSince = [earlier.wellSince, wellSince].compactMap { $0 }.min() }
    }
}
