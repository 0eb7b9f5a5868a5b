import Foundation

/// Whether this machine knows the world's time zones: without them every mail would be planned for the wrong hour, or for none.
enum TimeZones {
    /// Throws ``SettingsError`` where they are not installed, or where the program was linked so that it cannot find them.
    static func check(_ zone: (String) -> TimeZone? = { TimeZone(identifier: $0) }) throws(SettingsError) {
        // One with summer time and one with half an hour: a table that has neither is no table.
        let summer = Date(timeIntervalSince1970: 1_751_328_000)
        guard zone("Europe/Berlin")?.secondsFromGMT(for: summer) == 7_200, zone("Asia/Kolkata")?.secondsFromGMT(for: summer) == 19_800 else {
            throw SettingsError(problems: ["the time zones of this machine cannot be read: install tzdata"])
        }
    }
}
