import Crypto
import Foundation
public import Logging

/// One step of a schema, forward only; once released its text never changes.
public struct Migration: Sendable {
    /// `m0001_accounts`: the order of names is the order of steps.
    public let name: String
    public let script: String

    public init(name: String, script: String) {
        self.name = name
        self.script = script
    }

    /// A file embedded in the binary.
    public init(name: String, embedded bytes: [UInt8]) {
        self.init(name: name, script: String(decoding: bytes, as: UTF8.self))
    }

    var checksum: String {
        SHA256.hash(data: Data(script.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

/// Brings a schema to the state this program expects, whoever else tries at the same time.
public struct Migrator: Sendable {
    private let configuration: PostgresConfiguration
    private let migrations: [Migration]

    /// `configuration` is the owner's; its `search_path` decides the schema, and the ledger lives there.
    public init(_ configuration: PostgresConfiguration, migrations: [Migration]) {
        var patient = configuration
        patient.statementTimeout = .seconds(600)
        self.configuration = patient
        self.migrations = migrations.sorted { $0.name < $1.name }
    }

    /// Runs what has not run yet, each step in a transaction of its own, under an advisory lock; returns the names of the new ones.
    ///
    /// Throws ``PostgresError/Code/migration`` when a step that ran has changed since.
    @discardableResult
    public func run(logger: Logger) async throws(PostgresError) -> [String] {
        let connection = try await PostgresConnection.connect(configuration)
        try await connection.query("select pg_advisory_lock(hashtextextended('migrations:' || current_schema(), 0))")
        try await connection.execute(
            script: """
                create table if not exists schema_migrations (
                    name text primary key, checksum text not null, applied_at timestamptz not null default now())
                """)
        var ran: [String: String] = [:]
        for row in try await connection.query("select name, checksum from schema_migrations order by name") {
            ran[try row.decode("name")] = try row.decode("checksum") as String
        }
        try verify(ran)
        var applied: [String] = []
        for migration in migrations where ran[migration.name] == nil {
            try await apply(migration, on: connection)
            logger.info("migrated", metadata: ["migration": "\(migration.name)"])
            applied.append(migration.name)
        }
        await connection.close()
        return applied
    }

    private func verify(_ ran: [String: String]) throws(PostgresError) {
        for migration in migrations {
            if let checksum = ran[migration.name], checksum != migration.checksum {
                throw PostgresError(.migration, message: "\(migration.name) was changed after it ran; write a new migration instead")
            }
        }
        if let newest = ran.keys.max(), let waiting = migrations.first(where: { ran[$0.name] == nil && $0.name < newest }) {
            throw PostgresError(.migration, message: "\(waiting.name) is older than \(newest), which already ran; give it a later number")
        }
    }

    private func apply(_ migration: Migration, on connection: PostgresConnection) async throws(PostgresError) {
        try await connection.query("begin")
        do throws(PostgresError) {
            try await connection.execute(script: migration.script)
            try await connection.query(
                "insert into schema_migrations (name, checksum) values (\(migration.name), \(migration.checksum))")
            try await connection.query("commit")
        } catch {
            _ = try? await connection.queryToTheEnd("rollback")
            throw PostgresError(
                error.code == .connectionLost ? .connectionLost : .migration, message: "\(migration.name): \(error.message)",
                sqlState: error.sqlState)
        }
    }
}
