import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// The SQL of how far folders were read, and of what was taken in.
struct FolderStore: Sendable {
    /// Somebody else has moved on here: the lease was lost, and what this reader holds is theirs.
    struct Overtaken: Error {}

    let mailbox: ReadingMailbox
    let folder: FetchedMail.Folder

    func position(in database: Database) async throws -> FolderPosition? {
        try await database.query(
            """
            select name, uid_validity, last_uid, stumble_uid, stumbles from mailbox_folders
            where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and folder = \(folder)
            """
        ).first.map { row in
            FolderPosition(
                name: try row.decode("name"), uidValidity: UInt32(clamping: try row.decode("uid_validity", as: Int64.self)),
                lastUID: UInt32(clamping: try row.decode("last_uid", as: Int64.self)),
                stumbleUID: try row.decodeOptional("stumble_uid", as: Int64.self).map { UInt32(clamping: $0) }, stumbles: try row.decode("stumbles"))
        }
    }

    /// Begins, or begins anew, before the first mail that is to be read.
    func begin(_ position: FolderPosition, instead known: FolderPosition?, in database: Database) async throws {
        let begun = try await database.query(
            """
            insert into mailbox_folders as f (tenant_id, mailbox_id, folder, name, uid_validity, last_uid)
            select \(mailbox.tenant), \(mailbox.id), \(folder), \(position.name), \(Int64(position.uidValidity)), \(Int64(position.lastUID))
            where \(isHeld)
            on conflict (tenant_id, mailbox_id, folder) do update set name = excluded.name, uid_validity = excluded.uid_validity,
                last_uid = excluded.last_uid, stumble_uid = null, stumbles = 0
            where f.uid_validity = \(known.map { Int64($0.uidValidity) }) and f.last_uid = \(known.map { Int64($0.lastUID) })
              and f.name = \(known?.name)
            """)
        guard begun.affected > 0 else { throw Overtaken() }
    }

    /// Moves past mails that are taken in by the same transaction. The row is compared and locked: of two readers that believe to hold the lease
    /// one moves it, and the other's mails go nowhere.
    func move(from position: FolderPosition, to uid: UInt32, in transaction: Transaction) async throws {
        let moved = try await transaction.query(
            """
            update mailbox_folders set last_uid = \(Int64(uid)),
                stumbles = case when stumble_uid > \(Int64(uid)) then stumbles else 0 end,
                stumble_uid = case when stumble_uid > \(Int64(uid)) then stumble_uid end
            where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and folder = \(folder)
              and uid_validity = \(Int64(position.uidValidity)) and last_uid = \(Int64(position.lastUID)) and \(isHeld)
            """)
        guard moved.affected > 0 else { throw Overtaken() }
    }

    /// The folder has nothing more.
    func rest(at now: Date, in database: Database) async throws {
        try await database.query(
            """
            update mailbox_folders set read_at = \(now)
            where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and folder = \(folder) and \(isHeld)
            """)
    }

    /// Those of the digests that were not taken in before.
    func take(_ digests: [Data], at now: Date, in transaction: Transaction) async throws -> Set<Data> {
        guard !digests.isEmpty else { return [] }
        let rows = try await transaction.query(
            """
            insert into mailbox_mails (tenant_id, mailbox_id, folder, digest, taken_at)
            select \(mailbox.tenant), \(mailbox.id), \(folder), d.digest, \(now) from unnest(\(digests)) as d (digest)
            on conflict (tenant_id, mailbox_id, folder, digest) do nothing returning digest
            """)
        return Set(try rows.map { try $0.decode("digest") })
    }

    /// One more try that failed for the mail itself; how many there were.
    func stumble(over uid: UInt32, in database: Database) async throws -> Int {
        let rows = try await database.query(
            """
            update mailbox_folders set stumbles = case when stumble_uid = \(Int64(uid)) then stumbles + 1 else 1 end, stumble_uid = \(Int64(uid))
            where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and folder = \(folder) and \(isHeld) returning stumbles
            """)
        guard let row = rows.first else { throw Overtaken() }
        return try row.decode("stumbles")
    }

    /// Whether this reader still has the mailbox.
    private var isHeld: SQL {
        """
        exists (select from mailbox_readers r where r.tenant_id = \(mailbox.tenant) and r.mailbox_id = \(mailbox.id) and r.fence = \(mailbox.fence)
                and r.lease_holder is not null)
        """
    }

    /// What is kept of a mail's identity: enough to tell it, nothing to read.
    static func digest(_ identity: [UInt8]) -> Data {
        Data(SHA256.hash(data: identity).prefix(16))
    }
}
