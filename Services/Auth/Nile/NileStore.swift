import Contracts
import Crypto
import Foundation
import Postgres

/// A person as Nile shows one.
struct NilePerson: Sendable {
    let id: UserID
    let email: String
    let name: String?
    let familyName: String?
    let givenName: String?
    let picture: String?
    let created: Date
    let updated: Date
    let verifiedAt: Date?
}

/// What people may change of themselves; nil stays as it is.
struct NileProfile: Sendable {
    let name: String?
    let familyName: String?
    let givenName: String?
    let picture: String?
}

/// The SQL that only Nile's routes need.
enum NileStore {
    static func person(_ user: UserID, in database: Database) async throws -> NilePerson? {
        try await database.query(
            """
            select id, email, name, family_name, given_name, picture, created, updated, email_verified from users.users
            where id = \(user) and deleted is null
            """
        ).first.map { row in
            NilePerson(
                id: try row.decode("id"), email: try row.decode("email"), name: try row.decodeOptional("name"),
                familyName: try row.decodeOptional("family_name"), givenName: try row.decodeOptional("given_name"),
                picture: try row.decodeOptional("picture"), created: try row.decode("created"), updated: try row.decode("updated"),
                verifiedAt: try row.decodeOptional("email_verified"))
        }
    }

    /// Names the columns one by one, so that no field of a request ever becomes a proof of an address.
    static func update(_ user: UserID, _ profile: NileProfile, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update users.users set name = coalesce(\(profile.name), name), family_name = coalesce(\(profile.familyName), family_name),
                given_name = coalesce(\(profile.givenName), given_name), picture = coalesce(\(profile.picture), picture), updated = \(now)
            where id = \(user) and deleted is null
            """)
    }

    static func isOpen(challenge: String, at now: Date, limit: Int, in database: Database) async throws -> Bool {
        let digest = Data(SHA256.hash(data: Data(challenge.utf8)))
        return try await !database.query(
            """
            select id from factor_challenges
            where token_digest = \(digest) and consumed_at is null and expires_at > \(now) and attempts < \(limit)
            """
        ).isEmpty
    }
}
