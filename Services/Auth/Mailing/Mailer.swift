import Foundation
import Logging
import Primitives
import ServiceLifecycle

/// Sends the mails that wait, and tries again when the mail server does not take them.
struct Mailer: Service {
    let mails: MailStore
    let transport: MailTransport
    let clock: WallClock
    let logger: Logger

    /// Tries at 5 s, 10 s, 20 s … up to 15 minutes apart; a proof is worthless after 30 minutes, so this ends after ten tries.
    static func delay(afterAttempt attempt: Int) -> TimeInterval? {
        attempt >= 10 ? nil : min(900, 5 * pow(2, Double(attempt - 1)))
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let now = clock.now
                    let due = try await mails.claim(limit: 20, now: now, until: now.addingTimeInterval(120))
                    for mail in due { try await send(mail) }
                    if due.isEmpty { try await Task.sleep(for: .milliseconds(300)) }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("mail queue not available", metadata: ["error": "\(error)"])
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    private func send(_ due: MailStore.Due) async throws {
        do {
            try await transport.send(due.mail, due.recipient, due.id)
            try await mails.markSent(due.id, at: clock.now)
        } catch let failure as MailTransport.Failure {
            logger.warning("mail not sent", metadata: ["mail": "\(due.id)", "attempt": "\(due.attempts)", "reason": "\(failure)"])
            let next = failure.isPermanent ? nil : Self.delay(afterAttempt: due.attempts).map { clock.now.addingTimeInterval($0) }
            try await mails.markFailed(due.id, reason: failure.reason, next: next, at: clock.now)
        }
    }
}
