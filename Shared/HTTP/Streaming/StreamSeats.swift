import Contracts
import HTTP
import HTTPTypes
import Synchronization

/// How many follow an inbox at once, as far as this process knows: each stream asks the database twice a second.
final class InboxSeats: Sendable {
    private let most: Int
    private let mostOfOne: Int
    private let taken = Mutex<[TenantID: Int]>([:])

    init(most: Int = 500, ofOne mostOfOne: Int = 30) {
        self.most = most
        self.mostOfOne = mostOfOne
    }

    /// Problem `too_many_streams` (429) when the company, or all together, have as many as there may be.
    func take(of tenant: TenantID) throws(Problem) -> InboxSeat {
        let isFree = taken.withLock { taken -> Bool in
            guard taken[tenant, default: 0] < mostOfOne, taken.values.reduce(0, +) < most else { return false }
            taken[tenant, default: 0] += 1
            return true
        }
        guard isFree else {
            throw Problem(
                .tooManyRequests, kind: "too_many_streams", title: "Too many follow the inbox at the moment.",
                detail: "A company has at most \(mostOfOne) streams at once; close one, or try again in a while.", headers: [.retryAfter: "30"])
        }
        return InboxSeat(of: tenant, among: self)
    }

    fileprivate func giveBack(_ tenant: TenantID) {
        taken.withLock { taken in
            let left = taken[tenant, default: 0] - 1
            taken[tenant] = left > 0 ? left : nil
        }
    }
}

/// One stream's place. It is free again when the stream has ended, and also when it never began: whoever asked went away, or was refused after all.
final class InboxSeat: Sendable {
    private let tenant: TenantID
    private let seats: InboxSeats
    private let isTaken = Mutex(true)

    fileprivate init(of tenant: TenantID, among seats: InboxSeats) {
        self.tenant = tenant
        self.seats = seats
    }

    deinit {
        leave()
    }

    func leave() {
        let wasTaken = isTaken.withLock { isTaken -> Bool in
            defer { isTaken = false }
            return isTaken
        }
        if wasTaken { seats.giveBack(tenant) }
    }
}
