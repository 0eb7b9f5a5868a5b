import Contracts
import Foundation
import Postgres
import RPC

/// A mail as it is taken in: when it may first go out, and its window as it is stored.
struct PlannedMail: Sendable {
    static let longestThread = 50

    let send: DeliveryRPC.PlannedSend
    let runAt: Date
    let window: PostgresJSON?

    /// The mails of a batch; throws `invalid_batch` for what can never be sent as it is planned.
    static func plan(_ sends: [DeliveryRPC.PlannedSend], now: Date) throws -> [PlannedMail] {
        // Mails of one campaign and zone have the same window.
        var windows: [SendingWindow: (hours: OpeningHours, stored: PostgresJSON)] = [:]
        var mails: [PlannedMail] = []
        for send in sends {
            let thread = send.follows ?? []
            guard thread.count <= longestThread, thread.allSatisfy({ (1...200).contains($0.utf8.count) }) else {
                throw RPCError(kind: "invalid_batch", message: "A mail follows at most \(longestThread) others, with keys of at most 200 bytes.")
            }
            guard let window = send.window else {
                mails.append(PlannedMail(send: send, runAt: send.dueAt, window: nil))
                continue
            }
            let known = try windows[window] ?? read(window)
            windows[window] = known
            guard let runAt = start(of: send, known.hours, now: now) else {
                throw RPCError(kind: "invalid_batch", message: "The window of \(send.sendKey) does not open within 400 days.")
            }
            mails.append(PlannedMail(send: send, runAt: runAt, window: known.stored))
        }
        return mails
    }

    /// What is overdue keeps its place among others while the window is open, and else goes to its next opening.
    private static func start(of send: DeliveryRPC.PlannedSend, _ hours: OpeningHours, now: Date) -> Date? {
        guard let planned = hours.next(from: send.dueAt) else { return nil }
        return planned > now || hours.contains(now) ? planned : hours.next(from: now)
    }

    private static func read(_ window: SendingWindow) throws -> (hours: OpeningHours, stored: PostgresJSON) {
        let hours: OpeningHours
        do throws(SendingWindow.Fault) {
            hours = try OpeningHours(window)
        } catch {
            throw RPCError(kind: "invalid_batch", message: "A mail's window cannot be kept: \(error).")
        }
        return (hours, try PostgresJSON(window))
    }
}

extension OpeningHours {
    /// Those stored with a mail. What cannot be read never opens, so that nothing goes out at a wrong hour.
    init(stored text: String) {
        let window = try? WireJSON.decoder().decode(SendingWindow.self, from: Data(text.utf8))
        self = window.flatMap { try? OpeningHours($0) } ?? .never
    }

    /// When a mail that is due at `instant` may go out; where no opening is in sight, when to look for one again.
    func time(for instant: Date) -> Date {
        next(from: instant) ?? instant.addingTimeInterval(86_400)
    }
}
