import Contracts
import Foundation
import TestSupport

@testable import Campaigns

extension Simulation {
    /// Everything that is left to chance.
    struct Dice {
        private var random: SeededRandom

        init(seed: UInt64) {
            random = SeededRandom(seed: seed)
        }

        private mutating func draw() -> UInt64 { random.next() }

        mutating func below(_ bound: Int) -> Int { Int(draw() % UInt64(bound)) }

        mutating func between(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.upperBound - range.lowerBound + 1) }

        mutating func chance(_ probability: Double) -> Bool { Double(draw() >> 11) / 9_007_199_254_740_992 < probability }

        mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

        /// In 64ths of a second, which add up without rounding.
        mutating func seconds(_ range: ClosedRange<Double>) -> Double {
            let parts = Int((range.upperBound - range.lowerBound) * 64)
            return range.lowerBound + Double(below(parts + 1)) / 64
        }

        mutating func uuid() -> UUID {
            let (high, low) = (draw(), draw())
            func byte(_ value: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> (56 - 8 * index)) }
            return UUID(
                uuid: (
                    byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5), byte(high, 6), byte(high, 7),
                    byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3), byte(low, 4), byte(low, 5), byte(low, 6), byte(low, 7)
                ))
        }
    }

    /// What can happen next.
    enum Event {
        /// A replica takes its next step, unless it was told otherwise since.
        case replica(Int, token: Int)
        /// A mailbox may claim.
        case mailbox(Int, token: Int)
        /// A claimed mail meets its server.
        case outcome(mail: Int)
        /// Somebody settles a mail whose fate is unknown.
        case settle(mail: Int)
        case feedback(mail: Int, DeliveryEvents.FeedbackKind, isMachine: Bool)
        /// The listener finds something in the stream.
        case stream
        /// A call that sets a gate reaches Delivery.
        case gate(GateCall)
        case intervention(Intervention)
    }

    struct GateCall {
        enum Scope {
            case campaign(Int)
            case tenant(Int)
        }

        let scope: Scope
        let isOpen: Bool
        let version: Int64
    }

    /// What people, operators and fate do.
    enum Intervention {
        case launch(campaign: Int)
        case edit(campaign: Int)
        case pause(campaign: Int)
        case resume(campaign: Int)
        case stop(campaign: Int)
        /// One lead does not belong to the audience any more.
        case leave(campaign: Int)
        case erase(person: Int)
        /// An operator takes a mail out of its queue.
        case cancelOne
        case readOnly(tenant: Int)
        case fullAccess(tenant: Int)
        case quotaOut(tenant: Int)
        case quotaBack(tenant: Int)
        case pauseMailbox(Int)
        case resumeMailbox(Int)
        case jump(replica: Int)
        case jumpBack(replica: Int)
        case outage(TimeInterval)
        case outageEnd
        /// All faults are over.
        case quiet
        /// Whether everybody is through.
        case inspect
    }

    /// What is going to happen, earliest first; of the same instant what was planned first. A binary heap.
    struct Timeline {
        private struct Entry {
            let at: Double
            let order: Int
            let event: Event

            func isBefore(_ other: Entry) -> Bool { at < other.at || (at == other.at && order < other.order) }
        }

        private var heap: [Entry] = []
        private var order = 0

        mutating func add(_ event: Event, at instant: Date) {
            order += 1
            heap.append(Entry(at: instant.timeIntervalSinceReferenceDate, order: order, event: event))
            var child = heap.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                guard heap[child].isBefore(heap[parent]) else { break }
                heap.swapAt(child, parent)
                child = parent
            }
        }

        mutating func next() -> (at: Date, event: Event)? {
            guard let first = heap.first else { return nil }
            let last = heap.removeLast()
            guard !heap.isEmpty else { return (Date(timeIntervalSinceReferenceDate: first.at), first.event) }
            heap[0] = last
            var parent = 0
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least]) { least = child }
                guard least != parent else { break }
                heap.swapAt(least, parent)
                parent = least
            }
            return (Date(timeIntervalSinceReferenceDate: first.at), first.event)
        }
    }
}
