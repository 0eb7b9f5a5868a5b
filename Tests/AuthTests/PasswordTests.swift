import Foundation
import Testing

@testable import Auth

@Suite("Passwords")
struct PasswordTests {
    @Test("a hash verifies its own password and no other, in the PHC form")
    func roundTrip() async throws {
        let hasher = PasswordHasher(threads: 1, waiting: 4)
        let password = try Password(new: "correct horse battery")
        let text = try await hasher.hash(password)
        #expect(text.hasPrefix("$scrypt$ln=15,r=8,p=3$"))
        #expect(try await hasher.verify(password, against: text))
        #expect(try await !hasher.verify(Password(new: "correct horse batterx"), against: text))
        #expect(try await hasher.hash(password) != text)
    }

    @Test("typed in another Unicode form it is the same password")
    func normalisation() throws {
        #expect(try Password(new: "cafe\u{301} au lait").bytes == Password(new: "caf\u{e9} au lait").bytes)
    }

    @Test("no account, no hash: never a match")
    func missingHash() async throws {
        #expect(try await !PasswordHasher(threads: 1, waiting: 1).verify(Password(new: "correct horse battery"), against: nil))
    }

    @Test("more callers than may wait are refused, not queued")
    func busy() async throws {
        let hasher = PasswordHasher(threads: 1, waiting: 1)
        let password = try Password(new: "correct horse battery")
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { (try? await hasher.hash(password)) != nil } }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(outcomes.contains(true))
        #expect(outcomes.contains(false))
    }

    @Test(
        "hashes of another form or with absurd costs are not read",
        arguments: [
            "", "$2a$08$abc", "$scrypt$ln=30,r=8,p=3$AAAA$AAAA", "$scrypt$ln=15,r=8$AAAA$AAAA", "$scrypt$ln=15,r=8,p=3$AAAA$AAAA",
        ])
    func malformed(text: String) {
        #expect(PasswordHash(text: text) == nil)
    }
}
