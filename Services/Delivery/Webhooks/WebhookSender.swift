import Contracts
import Foundation
import OutgoingHTTP
import Primitives

/// Makes one request to an endpoint, signed at that moment, and says in a tenant's words how it went.
struct WebhookSender: Sendable {
    let http: OutgoingHTTP
    let reach: OutgoingReach
    let keyring: Keyring
    let clock: WallClock

    /// Throws ``WebhookSender/Interrupted`` when the task was cancelled: nobody knows then whether the message arrived.
    func send(
        _ body: String, of message: WebhookMessageID, to endpoint: WebhookID, of tenant: TenantID, url: String, secrets: SealedWebhookSecrets
    ) async throws -> WebhookAttempt {
        let now = clock.now
        let body = Data(body.utf8)
        let open = try secrets.open(endpoint, of: tenant, with: keyring, at: now)
        let headers = try WebhookSignature.headers(of: message, body: body, secrets: open, at: now)
        let begun = ContinuousClock.now
        do throws(OutgoingError) {
            let address = try OutgoingAddress(url, reach: reach)
            let answer = try await http.post(OutgoingRequest(to: address, headers: headers, body: body))
            return WebhookAttempt(
                at: now, durationMs: Self.milliseconds(answer.duration), status: answer.status, error: Self.words(ofStatus: answer.status),
                answer: Self.kept(answer.body))
        } catch {
            if error.code == .cancelled { throw Interrupted() }
            return WebhookAttempt(
                at: now, durationMs: Self.milliseconds(ContinuousClock.now - begun), status: nil, error: Self.words(of: error), answer: nil)
        }
    }

    struct Interrupted: Error {}

    private static func words(ofStatus status: Int) -> String? {
        switch status {
        case 200..<300: nil
        case 300..<400: "The server answered \(status); redirects are not followed."
        default: "The server answered \(status), not 2xx."
        }
    }

    /// One sentence for a name that nobody has and for one that stands inside: the difference would tell what stands inside.
    static func words(of error: OutgoingError) -> String {
        switch error.code {
        case .nameNotFound, .refusedAddress: "The host has no address of the Internet."
        case .invalidAddress: "The address cannot be used: \(error.message)"
        case .encryption: "No encrypted connection could be made; is the server's certificate valid for its name?"
        case .timeout: "The server did not answer within 15 seconds."
        case .tooMuch, .malformedAnswer: "The server's answer is not one of a web server."
        case .connection: "The server cannot be reached, or broke off."
        default: "The request could not be made; this is our fault."
        }
    }

    /// The beginning, as text that Postgres keeps.
    static func kept(_ answer: Data) -> String? {
        guard !answer.isEmpty else { return nil }
        let text = String(decoding: answer.prefix(WebhookAttempt.keptAnswer), as: UTF8.self)
        return String(text.unicodeScalars.filter { $0.value != 0 }.map(Character.init))
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return Int(seconds) * 1_000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
