import Foundation

/// Tells when the wall clock was set: what it says moved by another amount than the machine's own, which nobody sets.
struct ClockSteps: Sendable {
    /// Less is the drift of any clock, or a look that was slow between its two readings.
    static let tolerance: TimeInterval = 2

    private var last: (wall: Date, machine: ContinuousClock.Instant)?

    /// By how much the wall clock was set since the last reading; zero if it was not.
    mutating func step(wall: Date, machine: ContinuousClock.Instant) -> TimeInterval {
        defer { self.last = (wall, machine) }
        guard let last else { return 0 }
        let step = wall.timeIntervalSince(last.wall) - (machine - last.machine) / .seconds(1)
        return abs(step) > Self.tolerance ? step : 0
    }
}
