public import Foundation

/// Where a service reads the time; a test gives one that stands still or jumps.
public struct WallClock: Sendable {
    private let read: @Sendable () -> Date

    public init(_ read: @escaping @Sendable () -> Date) {
        self.read = read
    }

    /// The current instant, cut to whole milliseconds: what is stored, sent and compared is one and the same value.
    public var now: Date {
        let milliseconds = (read().timeIntervalSince1970 * 1000).rounded(.down)
        return Date(timeIntervalSince1970: milliseconds / 1000)
    }

    /// The machine's clock.
    public static let system = WallClock { Date() }
}
