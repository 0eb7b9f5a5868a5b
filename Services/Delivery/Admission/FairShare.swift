import Contracts
import Foundation

/// A place in which jobs keep their order: a mailbox of a tenant, or what another kind of job says.
struct Lane: Hashable, Comparable, Sendable {
    let tenant: TenantID
    let id: UUID

    /// The order in which every writer locks lanes.
    static func < (left: Lane, right: Lane) -> Bool {
        left.tenant == right.tenant ? left.id < right.id : left.tenant.uuid < right.tenant.uuid
    }
}

/// Deficit round-robin (Shreedhar and Varghese, 1995) over keys whose every item costs one: each key in the ring may take a quantum in its
/// turn, and whoever's turn was cut short goes on first the next time.
struct RoundRobin<Key: Hashable & Sendable>: Sendable {
    /// The key whose turn was the last one, and what it may still take.
    private var last: (key: Key, left: Int)?

    /// Shares `room` out among keys in their ring order; nobody gets more than it asks for, and nothing is left while somebody wants it.
    mutating func share(_ room: Int, among demands: [(key: Key, wants: Int)], quantum: Int) -> [Key: Int] {
        var open = demands.filter { $0.wants > 0 }
        guard room > 0, !open.isEmpty else { return [:] }
        var left = room
        var shares: [Key: Int] = [:]
        var index = 0
        var turn = quantum
        if let last, let position = open.firstIndex(where: { $0.key == last.key }) {
            // The rest of a turn, or the next one's.
            index = last.left > 0 ? position : (position + 1) % open.count
            turn = last.left > 0 ? last.left : quantum
        }
        while left > 0, !open.isEmpty {
            let key = open[index].key
            let given = min(left, turn, open[index].wants)
            shares[key, default: 0] += given
            left -= given
            open[index].wants -= given
            last = (key, turn - given)
            if open[index].wants == 0 {
                // Whoever wants nothing more keeps no claim on later turns.
                last = (key, 0)
                open.remove(at: index)
                if index == open.count { index = 0 }
            } else if turn == given {
                index = (index + 1) % open.count
            }
            turn = quantum
        }
        return shares
    }
}

/// Who may have how much of the room in a queue: tenants take turns, and within each tenant its lanes.
struct FairShare: Sendable {
    private var tenants = RoundRobin<TenantID>()
    private var lanes: [TenantID: RoundRobin<UUID>] = [:]

    /// `quantum` is how many one tenant may take before the next has its turn; `wants` is what each lane could take at most.
    mutating func share(_ room: Int, among demands: [(lane: Lane, wants: Int)], quantum: Int = 8) -> [Lane: Int] {
        let byTenant = Dictionary(grouping: demands) { $0.lane.tenant }
        // A ring needs an order that stays; that of identifiers does.
        let ring = byTenant.keys.sorted { $0.uuid < $1.uuid }
        let wanted = ring.map { tenant in (key: tenant, wants: byTenant[tenant, default: []].reduce(0) { $0 + $1.wants }) }
        var shares: [Lane: Int] = [:]
        for (tenant, share) in tenants.share(room, among: wanted, quantum: quantum) {
            let own = byTenant[tenant, default: []].map { (key: $0.lane.id, wants: $0.wants) }.sorted { $0.key < $1.key }
            for (lane, count) in lanes[tenant, default: RoundRobin()].share(share, among: own, quantum: 1) {
                shares[Lane(tenant: tenant, id: lane)] = count
            }
        }
        // A tenant that has nothing due needs no memory.
        lanes = lanes.filter { byTenant[$0.key] != nil }
        return shares
    }
}
