import Testing

@Suite("What operators do, with real processes", .serialized)
struct OperationsTests {
    @Test("no role may more in the database than its service and its kind need: every table, policy and function, by the catalogue")
    func databaseRoles() async throws {
        try await PenguinCommand.withFolder { penguin in
            let outcome = try await penguin.run(trial: "database_roles.py")
            #expect(outcome.status == 0, "\(outcome.output.suffix(3_000))\n\(outcome.messages.suffix(3_000))")
        }
    }

    @Test("every service restarted under load, one after the other: no request fails, no mail is lost or doubled")
    func rollingRestart() async throws {
        try await PenguinCommand.withFolder { penguin in
            let outcome = try await penguin.run(trial: "rolling_restart.py")
            #expect(outcome.status == 0, "\(outcome.output.suffix(3_000))\n\(outcome.messages.suffix(3_000))")
        }
    }

    @Test("every key and password is changed under load: what the old ones sealed and signed is read, new things are under new ones")
    func keyRotation() async throws {
        try await PenguinCommand.withFolder { penguin in
            let outcome = try await penguin.run(trial: "key_rotation.py")
            #expect(outcome.status == 0, "\(outcome.output.suffix(3_000))\n\(outcome.messages.suffix(3_000))")
        }
    }

    @Test("what the previous version kept is read, and worked with, by this one")
    func upgrade() async throws {
        try await PenguinCommand.withFolder { penguin in
            let outcome = try await penguin.run(trial: "upgrade.py")
            #expect(outcome.status == 0, "\(outcome.output.suffix(3_000))\n\(outcome.messages.suffix(3_000))")
        }
    }

    @Test("a half-sent campaign survives the loss of everything but a backup: nothing is lost, nothing goes out twice")
    func backupAndRestore() async throws {
        try await PenguinCommand.withFolder { penguin in
            let outcome = try await penguin.run(trial: "backup_restore.py")
            #expect(outcome.status == 0, "\(outcome.output.suffix(3_000))\n\(outcome.messages.suffix(3_000))")
        }
    }
}
