import Contracts
import Foundation

/// When a campaign mails, how much, and from where.
struct CampaignSchedule: Codable, Sendable, Equatable {
    enum Rotation: String, Codable, Sendable {
        /// One mailbox after the other.
        case roundRobin = "round_robin"
        /// More from those that are healthier and have more left of their day.
        case weighted
    }

    /// Nil is at any hour. Its zone is the campaign's.
    var window: SendingWindow?
    /// In the lead's own zone where it is known, instead of the window's.
    var usesLeadZone: Bool
    /// Whose days the daily cap counts; that of the window, if there is one.
    var zone: String
    var dailyCap: Int?
    var rotation: Rotation

    init(
        window: SendingWindow? = nil, usesLeadZone: Bool = false, zone: String? = nil, dailyCap: Int? = nil, rotation: Rotation = .roundRobin
    ) {
        self.window = window
        self.usesLeadZone = usesLeadZone
        self.zone = zone ?? window?.zone ?? "UTC"
        self.dailyCap = dailyCap
        self.rotation = rotation
    }

    /// What is left out is the default: any hour, the window's zone, no cap, turns.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            window: try container.decodeIfPresent(SendingWindow.self, forKey: .window),
            usesLeadZone: try container.decodeIfPresent(Bool.self, forKey: .usesLeadZone) ?? false,
            zone: try container.decodeIfPresent(String.self, forKey: .zone), dailyCap: try container.decodeIfPresent(Int.self, forKey: .dailyCap),
            rotation: try container.decodeIfPresent(Rotation.self, forKey: .rotation) ?? .roundRobin)
    }

    /// The window as it holds for somebody in `leadZone`.
    func window(for leadZone: String?) -> SendingWindow? {
        guard usesLeadZone, let leadZone, ZoneClock(leadZone) != nil, var window else { return window }
        window.zone = leadZone
        return window
    }

    /// The earliest instant from `instant` on at which somebody in `leadZone` may be mailed; nil when the window never opens.
    func opening(from instant: Date, leadZone: String?) -> Date? {
        guard let window = window(for: leadZone) else { return instant }
        return window.next(from: instant)
    }

    /// Always open, in the campaign's zone: whose days count.
    var days: SendingWindow {
        SendingWindow(zone: window?.zone ?? zone, openings: (1...7).map { .init(weekday: $0, start: 0, end: 1_440) })
    }
}

/// Why an enrolment, or a whole campaign, waits.
enum WaitReason: String, Codable, Sendable {
    case outsideWindow = "outside_window"
    case dailyCap = "daily_cap"
    case mailboxesFull = "mailboxes_full"
    case mailboxesUnavailable = "mailboxes_unavailable"
    case threadMailboxFull = "thread_mailbox_full"
    case windowNeverOpens = "window_never_opens"
    case accessReadOnly = "access_read_only"
    case audienceGone = "audience_gone"
    /// Of a forecast: it was not looked at to the end.
    case tooLarge = "too_large"
}
