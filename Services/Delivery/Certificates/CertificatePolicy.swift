import Foundation

/// When certificates are renewed and failed orders tried again: functions of what is known, within what Let's Encrypt allows.
enum CertificatePolicy {
    /// At two thirds of the life: 30 days before the end of 90, two before the end of six.
    static func renewal(from start: Date, to end: Date) -> Date {
        Date(timeIntervalSince1970: (start.timeIntervalSince1970 + end.timeIntervalSince(start) * 2 / 3).rounded())
    }

    /// Until the next try. Authorities allow five failed validations an hour and host; a refusal says so at most three times in the first one.
    /// `attempts`: failures in a row, this one too. `spread`, from 0 to 1, keeps many from one moment.
    static func pause(after failure: CertificateFailure, attempts: Int, now: Date, spread: Double) -> TimeInterval {
        let doubled = pow(2, Double(min(max(attempts - 1, 0), 10)))
        let pause: TimeInterval =
            switch failure.kind {
            case .refused: min(86_400, 900 * doubled)
            case .limited: min(7 * 86_400, max(3_600, failure.retryAfter?.timeIntervalSince(now) ?? 3_600 * doubled))
            case .authority: min(6 * 3_600, 300 * doubled)
            case .client: min(6 * 3_600, 600 * doubled)
            }
        return (pause * (1 + 0.1 * spread)).rounded()
    }

    /// What was ordered lately.
    struct Counts: Sendable, Equatable {
        /// By the whole platform in the last hour.
        var orders = 0
        /// For the host, without success, in the last hour.
        var failures = 0
        /// For the host, in the last week.
        var issued = 0
        /// For hosts of the organisation that had none before, in the last week.
        var organisation = 0
    }

    /// Let's Encrypt's limits are 5 failed validations an hour, 5 certificates of one name and 50 of one registered domain a week; ours are below.
    static let mostFailures = 4
    static let mostIssued = 4
    static let mostOfOrganisation = 40

    /// Why an order has to wait, and how long; nil: it can go.
    static func obstacle(_ counts: Counts, ordersPerHour: Int, isRenewal: Bool) -> (pause: TimeInterval, failure: CertificateFailure?)? {
        // Nobody's fault: there is a queue.
        if counts.orders >= ordersPerHour { return (300, nil) }
        if counts.failures >= mostFailures {
            return (3_600, CertificateFailure(.limited, "The host was tried too often within an hour; it is tried again later."))
        }
        if counts.issued >= mostIssued {
            return (43_200, CertificateFailure(.limited, "The host had too many certificates within a week; there is another one later."))
        }
        if !isRenewal, counts.organisation >= mostOfOrganisation {
            return (21_600, CertificateFailure(.limited, "The domain had too many certificates within a week; there are others later."))
        }
        return nil
    }
}
