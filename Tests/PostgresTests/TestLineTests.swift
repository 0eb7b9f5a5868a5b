import Postgres
import TestSupport
import Testing

@Suite("A line that holds answers back")
struct TestLineTests {
    @Test("what it holds the answer to has happened, also where the statement was prepared by itself before, and for each moment anew")
    func heldAnswer() async throws {
        let postgres = try await TestPostgres.shared.database()
        let direct = Database(postgres.configuration(role: "postgres"), connections: 1)
        try await direct.query("create table notes (id bigint primary key)")
        var through = postgres.configuration(role: "postgres")
        var line: TestLine? = try await TestLine.start(to: through.port)
        through.port = line?.port ?? 0
        let database = Database(through, connections: 1)
        @Sendable func write(_ id: Int64) async throws {
            try await database.transaction { try await $0.query("insert into notes (id) values (\(id))") }
        }
        // The first time a statement goes as it is; from the second on it is told by itself, and runs by its name.
        for id in 1...3 as ClosedRange<Int64> {
            if id == 2 { line?.holdAnswers(from: "insert into notes", "something else") }
            try await write(id)
        }
        line?.holdAnswers(from: "insert into notes", "commit")
        let doomed = Task { try await write(4) }
        try await eventually("the moment comes") { line?.isHolding == true }
        try await eventually("it is committed") { try await direct.query("select 1 as one from notes where id = 4").count == 1 }
        line = nil
        await #expect(throws: PostgresError.self) { try await doomed.value }
    }
}
