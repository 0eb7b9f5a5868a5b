/// The place of an entry in a Redis stream: `<milliseconds>-<sequence>`.
struct StreamPosition: Comparable, Sendable, CustomStringConvertible {
    let milliseconds: Int64
    let sequence: Int64

    static let zero = StreamPosition(milliseconds: 0, sequence: 0)

    init(milliseconds: Int64, sequence: Int64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    init?(_ text: String?) {
        guard let parts = text?.split(separator: "-"), parts.count == 2, let milliseconds = Int64(parts[0]), let sequence = Int64(parts[1]) else {
            return nil
        }
        self.init(milliseconds: milliseconds, sequence: sequence)
    }

    /// The highest place below this one.
    var predecessor: StreamPosition {
        if sequence > 0 { return StreamPosition(milliseconds: milliseconds, sequence: sequence - 1) }
        return milliseconds > 0 ? StreamPosition(milliseconds: milliseconds - 1, sequence: .max) : .zero
    }

    static func < (left: StreamPosition, right: StreamPosition) -> Bool {
        (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
    }

    var description: String { "\(milliseconds)-\(sequence)" }
}
