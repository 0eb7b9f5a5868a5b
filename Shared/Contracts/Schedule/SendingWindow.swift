public import Foundation

/// When mail may go out, in local time of one zone: Campaigns plans by it, and Delivery asks it again whenever it claims or repeats a mail.
///
/// An instant is inside when the clock on the wall of `zone` shows a time within one of the day's openings and the day is no holiday. In the
/// hour that a clock runs through twice both passes count; an opening that begins in an hour that a clock skips begins after the skip, and one
/// that lies wholly within does not take place that day.
public struct SendingWindow: Codable, Sendable, Hashable {
    /// From `start` to before `end`, in minutes after local midnight; `end` is 1,440 for the end of the day.
    public struct Opening: Codable, Sendable, Hashable {
        /// 1 is Monday, 7 Sunday (ISO 8601).
        public var weekday: Int
        public var start: Int
        public var end: Int

        public init(weekday: Int, start: Int, end: Int) {
            self.weekday = weekday
            self.start = start
            self.end = end
        }
    }

    /// An IANA name.
    public var zone: String
    public var openings: [Opening]
    /// Local days without mail, as `2026-12-25`.
    public var holidays: [String]

    public init(zone: String, openings: [Opening], holidays: [String] = []) {
        self.zone = zone
        self.openings = openings
        self.holidays = holidays
    }

    /// Holidays may be left out.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            zone: try container.decode(String.self, forKey: .zone), openings: try container.decode([Opening].self, forKey: .openings),
            holidays: try container.decodeIfPresent([String].self, forKey: .holidays) ?? [])
    }
}
