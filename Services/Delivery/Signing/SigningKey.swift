import Contracts
import Foundation
import Mail
import Primitives

/// A domain's key as everybody may see it; the private half is nowhere in it.
struct SigningKey: Sendable, Equatable {
    enum State: String, Sendable, Codable {
        /// Made; nothing is signed by it before DNS shows it.
        case pending
        /// Published: mail is signed by it.
        case active
        /// Followed by another; its record stays, since mail that it signed may still be looked at.
        case retiring
        /// Destroyed; its record can go.
        case retired
    }

    let domain: String
    let selector: String
    let algorithm: DKIMKey.Algorithm
    let publicKey: String
    var state = State.pending
    let createdAt: Date
    var activatedAt: Date?
    var supersededAt: Date?
    /// No mail is signed by it after this; nil: none was.
    var signsUntil: Date?
    var retiredAt: Date?
    var checkedAt: Date?
    var seenAt: Date?
    var misses = 0
    var removedAt: Date?
    var lookAt: Date?

    /// What stands in DNS for it.
    var publication: DKIMPublication {
        DKIMPublication(selector: selector, algorithm: algorithm == .rsa ? .rsa : .ed25519, publicKey: publicKey)
    }

    /// The record's name.
    var name: String { "\(selector)._domainkey.\(domain)" }

    var target: AuditRecord.Target { AuditRecord.Target(type: "signing_key", id: name) }

    /// Where its private half is sealed for.
    static func place(domain: String, selector: String, tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "signing_keys.private_key", row: "\(domain)/\(selector)", tenant: tenant.uuid)
    }
}

/// Names for keys by which a person sees when they were made: `pm20261128a`, `pm20261128b`, … `pm20261128aa`.
enum SelectorName {
    /// More on one day are not given.
    static let limit = 26 + 26 * 26

    static func text(at instant: Date, number: Int) -> String {
        let day = WireJSON.format(instant).prefix(10).filter { $0 != "-" }
        let letters = (0..<26).map { String(UnicodeScalar(UInt8(97 + $0))) }
        let suffix = number < 26 ? letters[number] : letters[(number - 26) / 26] + letters[(number - 26) % 26]
        return "pm\(day)\(suffix)"
    }
}
