import Foundation
import HTTP
import Hummingbird
import Primitives
import ServiceRuntime

/// Signing mail, and the keys for it.
struct SigningFeature: Sendable {
    static let rotationDays = ConfigurationKey(
        "delivery.signing.rotation.days", "Age at which a key that signs mail gets a follower.", default: "365")
    static let overlapDays = ConfigurationKey(
        "delivery.signing.overlap.days", "How long the record of a followed key stays in DNS after the last mail signed by it.", default: "7")

    /// For requests.
    let keys: DKIMKeys
    /// For what happens by itself.
    let tending: SigningKeyTending
    /// For mail on its way out.
    let signing: MailSigning

    init(_ house: House, isPublished: @escaping DKIMLookup) throws {
        let day: TimeInterval = 86_400
        let policy = SigningKeyPolicy(
            rotation: TimeInterval(try house.settings.integer("delivery.signing.rotation.days", in: 1...3_650)) * day,
            overlap: TimeInterval(try house.settings.integer("delivery.signing.overlap.days", in: 7...365)) * day)
        let forge = SigningKeyForge()
        keys = DKIMKeys(
            database: house.api, forge: forge, keyring: house.keyring, policy: policy, isPublished: isPublished, outbox: house.outbox,
            clock: house.clock)
        tending = SigningKeyTending(
            keys: DKIMKeys(
                database: house.worker, forge: forge, keyring: house.keyring, policy: policy, isPublished: isPublished, outbox: house.outbox,
                clock: house.clock), logger: house.logger)
        signing = MailSigning(
            signers: Signers(database: house.worker, keyring: house.keyring, clock: house.clock), threads: SigningThreads(), clock: house.clock)
    }

    var jobHandlers: [String: JobHandler] { tending.handlers }

    func routes(on router: Router<AppContext>) {
        SigningKeyRoutes(keys: keys).add(to: router)
    }
}
