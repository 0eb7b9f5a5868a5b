import Foundation
import Testing

@Suite("The life of an account, with real processes", .serialized)
struct AuthJourneyTests {
    @Test("sign-up, code from the mail, second factor, invitation, changed role, API key, forgotten password: over HTTPS through the gateway")
    func journey() async throws {
        try await PenguinCommand.withFolder { penguin in
            let up = try await penguin.run(["up", "--detach", "--no-build"])
            try #require(up.status == 0, "\(up.output)\(up.messages)")
            let journey = try await penguin.run(script: "auth_journey.py")
            #expect(journey.status == 0 && journey.output.hasSuffix("done\n"), "\(journey.output)\(journey.messages)")
        }
    }
}
