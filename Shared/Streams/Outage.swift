public import Logging

/// Keeps the log quiet and the retries apart while something is away: one line when it goes, one when it is back.
public struct Outage {
    private let what: String
    private let logger: Logger
    private var attempts = 0

    public init(what: String, logger: Logger) {
        self.what = what
        self.logger = logger
    }

    /// How long to wait before the next try: 0.1 s, 0.2 s … up to 2 s, each a quarter more or less.
    public mutating func pause(after error: any Error) -> Duration {
        if attempts == 0 { logger.warning("\(what) interrupted", metadata: ["error": "\(error)"]) }
        attempts += 1
        let seconds = min(2, 0.1 * Double(1 << min(attempts - 1, 5))) * Double.random(in: 0.75...1.25)
        return .seconds(seconds)
    }

    public mutating func ended() {
        guard attempts > 0 else { return }
        attempts = 0
        logger.notice("\(what) works again")
    }
}
