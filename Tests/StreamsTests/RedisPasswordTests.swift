import TestSupport
import Testing

@testable import Streams

@Suite("A Redis that asks for a password")
struct RedisPasswordTests {
    @Test("the right one opens, alone or with a user's name; a wrong one is said at once, and so is none")
    func password() async throws {
        let server = try await TestRedis.start()
        let open = try await RedisConnection.connect(server.configuration)
        try await open.command(["ACL", "SETUSER", "penguin", "on", ">of the user", "~*", "&*", "+@all"])
        try await open.command(["CONFIG", "SET", "requirepass", "of all"])
        await open.close()

        for (user, password) in [("", "of all"), ("default", "of all"), ("penguin", "of the user")] {
            let connection = try await RedisConnection.connect(Self.configuration(server, user, password))
            #expect(try await connection.command(["PING"]) == .text(Array("PONG".utf8)))
            await connection.close()
        }
        for (user, password) in [("", "wrong"), ("penguin", "of all")] {
            let error = await #expect(throws: RedisError.self) {
                _ = try await RedisConnection.connect(Self.configuration(server, user, password))
            }
            #expect(error?.message.hasPrefix("WRONGPASS") == true)
        }
        let none = try await RedisConnection.connect(server.configuration)
        let error = await #expect(throws: RedisError.self) { try await none.command(["PING"]) }
        #expect(error?.message.hasPrefix("NOAUTH") == true)
        await none.close()
    }

    private static func configuration(_ server: TestRedis, _ user: String, _ password: String) -> RedisConfiguration {
        var configuration = server.configuration
        (configuration.username, configuration.password) = (user, password)
        return configuration
    }
}
