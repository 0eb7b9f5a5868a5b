import Contracts
import Foundation
import Logging
import TestSupport
import Testing

@testable import Postgres

@Suite("Migrations, roles and tenants")
struct MigratorTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let first = Migration(name: "m0001_things", script: "create table things (n int8); insert into things values (1);")
    private static let second = Migration(name: "m0002_more", script: "insert into things values (2);")

    @Test("each step runs once, in order, whoever runs it how often and at the same time")
    func once() async throws {
        let configuration = try await TestPostgres.shared.database().configuration(role: "billing_owner")
        let applied = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<4 {
                group.addTask { try await Migrator(configuration, migrations: [Self.second, Self.first]).run(logger: logger) }
            }
            return try await group.reduce(into: [String]()) { $0 += $1 }
        }
        #expect(applied == ["m0001_things", "m0002_more"])
        #expect(try await Database(configuration).query("select n from things order by n").count == 2)
    }

    @Test("a step that was changed after it ran, or that comes too late, stops the start; one that fails leaves nothing")
    func refusals() async throws {
        let configuration = try await TestPostgres.shared.database().configuration(role: "billing_owner")
        try await Migrator(configuration, migrations: [Self.second.renamed("m0002_more", "create table things (n int8)")]).run(logger: logger)
        let changed = await #expect(throws: PostgresError.self) {
            try await Migrator(configuration, migrations: [Self.second]).run(logger: logger)
        }
        #expect(changed?.code == .migration)
        let late = await #expect(throws: PostgresError.self) {
            try await Migrator(configuration, migrations: [Self.first]).run(logger: logger)
        }
        #expect(late?.message.contains("m0001_things is older") == true)
        let failing = Migration(name: "m0003_failing", script: "create table half (n int8); select 1/0;")
        await #expect(throws: PostgresError.self) { try await Migrator(configuration, migrations: [failing]).run(logger: logger) }
        #expect(try await Database(configuration).query("select to_regclass('half') is null as gone")[0].decode("gone") == true)
    }

    @Test("no role of one service can reach another's tables", arguments: ["auth_api", "campaigns_worker", "delivery_owner"])
    func schemas(stranger: String) async throws {
        let database = try await TestPostgres.shared.database()
        try await Migrator(database.configuration(role: "billing_owner"), migrations: [Self.first]).run(logger: logger)
        let error = await #expect(throws: PostgresError.self) {
            try await Database(database.configuration(role: stranger)).query("select n from billing.things")
        }
        #expect(error?.code == .insufficientPrivilege)
    }

    @Test("under row-level security a role sees its tenant's rows, nobody's without one, and writes no other's")
    func rowSecurity() async throws {
        let database = try await TestPostgres.shared.database()
        let script = """
            create table things (tenant_id uuid not null, n int8, primary key (tenant_id, n));
            alter table things enable row level security;
            alter table things force row level security;
            create policy tenant on things to billing_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
                with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
            grant select, insert on things to billing_api;
            """
        try await Migrator(database.configuration(role: "billing_owner"), migrations: [Migration(name: "m0001", script: script)]).run(logger: logger)
        let api = Database(database.configuration(role: "billing_api"))
        let (one, other) = (TenantID(UUID()), TenantID(UUID()))
        try await api.query(as: one, "insert into things values (\(one), 1)")
        #expect(try await api.query(as: one, "select n from things").count == 1)
        #expect(try await api.query(as: other, "select n from things").isEmpty)
        #expect(try await api.query("select n from things").isEmpty)
        let error = await #expect(throws: PostgresError.self) { try await api.query(as: other, "insert into things values (\(one), 2)") }
        #expect(error?.code == .insufficientPrivilege)
    }
}

extension Migration {
    fileprivate func renamed(_ name: String, _ script: String) -> Migration { Migration(name: name, script: script) }
}
