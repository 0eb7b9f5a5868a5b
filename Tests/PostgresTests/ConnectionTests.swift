import Contracts
import Foundation
import Logging
import Primitives
import TestSupport
import Testing

@testable import Postgres

@Suite("Statements and values")
struct StatementTests {
    private func database(_ connections: Int = 2, maximumWait: Duration = .seconds(5)) async throws -> Database {
        let database = try await TestPostgres.shared.database()
        return Database(database.configuration(role: "postgres"), connections: connections, maximumWait: maximumWait)
    }

    @Test("a plan that is kept goes by the index also where it was made for an empty table")
    func keptPlans() async throws {
        let postgres = try await TestPostgres.shared.database()
        var configuration = postgres.configuration(role: "postgres")
        configuration.keepsPlans = true
        let database = Database(configuration, connections: 1)
        try await database.query("create table growing (id bigint primary key, note text)")
        try await database.query("analyze growing")
        for analyzed: SQL in ["select 1", "insert into growing select n, 'x' from generate_series(1, 1000) n"] {
            try await database.query(analyzed)
            let plan = try await database.query("explain update growing set note = 'y' where id = any(array[1, 2])")
            #expect(try plan.map { try $0.decode("QUERY PLAN", as: String.self) }.joined().contains("growing_pkey"))
        }
        #expect(try await database.query("show jit")[0].decode("jit", as: String.self) == "off")
    }

    @Test("every kind of value comes back as it went, also the awkward ones")
    func roundTrip() async throws {
        let database = try await database()
        let uuid = UUID()
        let date = Date(timeIntervalSince1970: 1_795_464_652.691)
        let text = "it's \"quoted\" \\ back\tslash\n日本 ß"
        let bytes = Data((0...255).map { UInt8($0) })
        for _ in 0..<3 {
            // The second and third time the statement is a prepared one.
            let row = try await database.query(
                """
                select \(text) as text, \(uuid) as uuid, \(date) as date, \(Int64.min) as low, \(Int64.max) as high, \(true) as yes, \(bytes) as bytes,
                       \(1.5) as fraction, \(["a,b", "", "{x}", "q\"\\"]) as list, \(nil as String?) as nothing, \([Int64]()) as empty,
                       \(PostgresOptionals(["a", nil]))[2] as hole
                """)[0]
            #expect(try row.decode("text") == text)
            #expect(try row.decode("uuid") == uuid)
            #expect(try row.decode("date") == date)
            #expect(try row.decode("low") == Int64.min)
            #expect(try row.decode("high") == Int64.max)
            #expect(try row.decode("yes") == true)
            #expect(try row.decode("bytes") == bytes)
            #expect(try row.decode("fraction") == 1.5)
            #expect(try row.decode("list") == ["a,b", "", "{x}", "q\"\\"])
            #expect(try row.decodeOptional("nothing", as: String.self) == nil)
            #expect(try row.decode("empty") == [Int64]())
            #expect(try row.decodeOptional("hole", as: String.self) == nil)
        }
    }

    @Test("input is a parameter, never text of the statement")
    func injection() async throws {
        let database = try await database()
        let hostile = "'; drop table users; --"
        #expect(try await database.query("select \(hostile) as it")[0].decode("it") == hostile)
    }

    @Test("fragments keep their parameters in order")
    func fragments() async throws {
        let database = try await database()
        let conditions = SQL.joined(["n > \(1)", "n < \(4)"], separator: " and ")
        let rows = try await database.query("select n from generate_series(1, \(10)) n where \(conditions) and n <> \(3)")
        #expect(try rows.map { try $0.decode("n", as: Int.self) } == [2])
    }

    @Test("a NUL is refused before it is cut off, an unknown column and a NULL say which")
    func badValues() async throws {
        let database = try await database()
        await #expect(throws: PostgresError.self) { try await database.query("select \("a\0b") as it") }
        let row = try await database.query("select null::text as nothing, 'x' as letter")[0]
        #expect(throws: PostgresError.self) { try row.decode("nothing", as: String.self) }
        #expect(throws: PostgresError.self) { try row.decode("missing", as: String.self) }
        #expect(throws: PostgresError.self) { try row.decode("letter", as: Int.self) }
    }

    @Test("errors carry code, SQLSTATE and constraint, never values")
    func errors() async throws {
        let database = try await database()
        try await database.query("create table things (id int8 primary key, n int8 constraint positive check (n > 0))")
        try await database.query("insert into things values (\(1), \(1))")
        let duplicate = await #expect(throws: PostgresError.self) { try await database.query("insert into things values (\(1), \(1))") }
        #expect(duplicate?.code == .uniqueViolation)
        #expect(duplicate?.sqlState == "23505")
        #expect(duplicate?.constraint == "things_pkey")
        let check = await #expect(throws: PostgresError.self) { try await database.query("insert into things values (\(2), \(-5))") }
        #expect(check?.code == .checkViolation)
        #expect(check?.constraint == "positive")
        #expect(check?.description.contains("-5") == false)
    }

    @Test("a transaction is all or nothing, also when its task is cancelled")
    func transactions() async throws {
        struct Stop: Error {}
        let database = try await database()
        try await database.query("create table things (n int8)")
        await #expect(throws: Stop.self) {
            try await database.transaction { transaction in
                try await transaction.query("insert into things values (1)")
                throw Stop()
            }
        }
        let task = Task {
            try await database.transaction { transaction in
                try await transaction.query("insert into things values (2)")
                try await transaction.query("select pg_sleep(60)")
            }
        }
        try await eventually("the statement runs") {
            try await database.query("select 1 as x from pg_stat_activity where query like 'select pg_sleep(60)%' and datname = current_database()")
                .count == 1
        }
        task.cancel()
        let result = await task.result
        #expect(throws: PostgresError.self) { try result.get() }
        #expect(try await database.query("select n from things").isEmpty)
    }

    @Test("a pipeline answers in order; an error in it leaves the connection usable and undoes the window")
    func pipelines() async throws {
        let database = try await database(1)
        let answers = try await database.transaction { transaction in
            try await transaction.pipeline((0..<1_000).map { "select \($0) as n, repeat('x', 2000) as filling" })
        }
        #expect(try answers.map { try $0[0].decode("n", as: Int.self) } == Array(0..<1_000))
        await #expect(throws: PostgresError.self) {
            try await database.transaction { transaction in
                try await transaction.pipeline(["create table gone (n int8)", "select 1/0 as n", "select 1 as n"])
            }
        }
        #expect(try await database.query("select to_regclass('gone') is null as gone")[0].decode("gone") == true)
    }

    @Test("COPY takes tabs, line ends, backslashes and NULLs")
    func copies() async throws {
        let database = try await database()
        try await database.query("create table things (id int8, text text)")
        let texts: [String?] = ["a\tb", "c\nd\r", "\\N", nil, "", "é"]
        let copied = try await database.transaction { transaction in
            try await transaction.copy(into: "things", columns: ["id", "text"], rows: texts.enumerated().map { [Int64($0.offset), $0.element] })
        }
        #expect(copied == texts.count)
        let read = try await database.query("select text from things order by id").map { try $0.decodeOptional("text", as: String.self) }
        #expect(read == texts)
    }

    @Test("the tenant is set for one transaction and no longer")
    func tenants() async throws {
        let database = try await database(1)
        let tenant = TenantID(UUID())
        let setting: SQL = "select current_setting('nile.tenant_id', true) as tenant"
        #expect(try await database.query(as: tenant, setting)[0].decode("tenant") == tenant.description)
        let inside = try await database.transaction(as: tenant) { try await $0.query(setting)[0].decode("tenant", as: String.self) }
        #expect(inside == tenant.description)
        #expect(try await database.query(setting)[0].decodeOptional("tenant", as: String.self)?.isEmpty ?? true)
    }

    @Test("when every connection is busy a caller hears so after its wait, and cancelled ones leave the queue")
    func bounded() async throws {
        let database = try await database(1, maximumWait: .milliseconds(200))
        let holder = Task { try await database.query("select pg_sleep(30)") }
        var codes: [PostgresError.Code] = []
        for _ in 0..<2 {
            do { _ = try await database.query("select 1 as n") } catch { codes.append(error.code) }
        }
        #expect(codes.contains(.poolExhausted))
        holder.cancel()
        _ = await holder.result
        try await eventually("the connection is free again") { (try? await database.query("select 1 as n")) != nil }
    }

    @Test("many tasks share few connections, and blocking queries do not stand in the way of other work")
    func sharing() async throws {
        let database = try await database(4, maximumWait: .seconds(30))
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<100 {
                group.addTask { try await database.query("select \(number) as n, pg_sleep(0.005)")[0].decode("n") }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 4_950)
    }

    @Test("after the server was restarted the next query works")
    func restart() async throws {
        let server = TestPostgres()
        let database = Database(try await server.database().configuration(role: "postgres"), connections: 2)
        #expect(try await database.query("select 1 as n")[0].decode("n") == 1)
        try await server.restart()
        #expect(try await database.query("select 2 as n")[0].decode("n") == 2)
    }
}
