public import Foundation
import Synchronization

extension UUID {
    /// A time-ordered identifier (RFC 9562, version 7) whose first 48 bits are `instant` in milliseconds.
    ///
    /// Those that one process makes for one millisecond, up to about three thousand, sort in the order of their making.
    public static func v7(at instant: Date) -> UUID {
        var generator = SystemRandomNumberGenerator()
        return v7(at: instant, using: &generator)
    }

    /// As ``v7(at:)``, with the randomness given.
    public static func v7(at instant: Date, using generator: inout some RandomNumberGenerator) -> UUID {
        let milliseconds = UInt64(max(0, (instant.timeIntervalSince1970 * 1000).rounded()))
        let high = UInt64(counter.next(milliseconds, start: UInt16(truncatingIfNeeded: generator.next() as UInt64) & 0x3FF))
        let low = generator.next() as UInt64
        func timeByte(_ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * index)) }
        func lowByte(_ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: low >> (56 - 8 * index)) }
        return UUID(
            uuid: (
                timeByte(0), timeByte(1), timeByte(2), timeByte(3), timeByte(4), timeByte(5),
                0x70 | UInt8(truncatingIfNeeded: high >> 8) & 0x0F, UInt8(truncatingIfNeeded: high),
                0x80 | lowByte(0) & 0x3F, lowByte(1), lowByte(2), lowByte(3), lowByte(4), lowByte(5), lowByte(6), lowByte(7)
            ))
    }

    /// Before every version 7 identifier of `instant` and later: a bound in time is a bound on identifiers.
    public static func lowest(at instant: Date) -> UUID {
        let milliseconds = UInt64(max(0, (instant.timeIntervalSince1970 * 1000).rounded()))
        func byte(_ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * index)) }
        return UUID(uuid: (byte(0), byte(1), byte(2), byte(3), byte(4), byte(5), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    }

    private static let counter = MillisecondCounter()

    /// The instant that a version 7 identifier carries, in whole milliseconds; nil for other versions.
    public var v7Instant: Date? {
        let bytes = uuid
        guard bytes.6 >> 4 == 7 else { return nil }
        let milliseconds = [bytes.0, bytes.1, bytes.2, bytes.3, bytes.4, bytes.5].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Date(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}

/// The twelve bits behind the time (RFC 9562, section 6.2, method 1): they begin anywhere and count up within a millisecond.
private final class MillisecondCounter: Sendable {
    private let state = Mutex((milliseconds: UInt64(0), value: UInt16(0)))

    func next(_ milliseconds: UInt64, start: UInt16) -> UInt16 {
        state.withLock { state in
            let follows = state.milliseconds == milliseconds && state.value < 0xFFF
            state = (milliseconds, follows ? state.value + 1 : start)
            return state.value
        }
    }
}
