public import Foundation
public import Primitives
import Synchronization

/// A clock that stands still until a test moves it.
public final class TestClock: Sendable {
    private let instant: Mutex<Date>

    /// Begins at the machine's time, since tokens and certificates are checked against it elsewhere.
    public init(_ start: Date = WallClock.system.now) {
        instant = Mutex(start)
    }

    public var clock: WallClock {
        WallClock { self.instant.withLock { $0 } }
    }

    public func advance(by duration: Duration) {
        let (seconds, attoseconds) = duration.components
        instant.withLock { $0 += Double(seconds) + Double(attoseconds) / 1e18 }
    }
}
