public import Contracts
import HTTPTypes
import Synchronization

/// How many streams of one kind there are at once, as far as this process knows, of all companies and of each: every stream asks the database again
/// and again.
public final class StreamSeats: Sendable {
    private let subject: String
    private let most: Int
    private let mostOfOne: Int
    private let taken = Mutex<[TenantID: Int]>([:])

    /// `subject` is what is followed, in words: `the inbox`.
    public init(of subject: String, most: Int = 500, ofOne mostOfOne: Int) {
        self.subject = subject
        self.most = most
        self.mostOfOne = mostOfOne
    }

    /// Problem `too_many_streams` (429) when the company, or all together, have as many as there may be.
    public func take(of tenant: TenantID) throws(Problem) -> StreamSeat {
        let isFree = taken.withLock { taken -> Bool in
            guard taken[tenant, default: 0] < mostOfOne, taken.values.reduce(0, +) < most else { return false }
            taken[tenant, default: 0] += 1
            return true
        }
        guard isFree else {
            throw Problem(
                .tooManyRequests, kind: "too_many_streams", title: "Too many follow \(subject) at the moment.",
                detail: "A company has at most \(mostOfOne) streams at once; close one, or try again in a while.", headers: [.retryAfter: "30"])
        }
        return StreamSeat(of: tenant, among: self)
    }

    fileprivate func giveBack(_ tenant: TenantID) {
        taken.withLock { taken in
            let left = taken[tenant, default: 0] - 1
            taken[tenant] = left > 0 ? left : nil
        }
    }
}

/// One stream's place. It is free again when the stream has ended, and also when it never began: whoever asked went away, or was refused after all.
public final class StreamSeat: Sendable {
    private let tenant: TenantID
    private let seats: StreamSeats
    private let isTaken = Mutex(true)

    fileprivate init(of tenant: TenantID, among seats: StreamSeats) {
        self.tenant = tenant
        self.seats = seats
    }

    deinit {
        leave()
    }

    public func leave() {
        let wasTaken = isTaken.withLock { isTaken -> Bool in
            defer { isTaken = false }
            return isTaken
        }
        if wasTaken { seats.giveBack(tenant) }
    }
}
