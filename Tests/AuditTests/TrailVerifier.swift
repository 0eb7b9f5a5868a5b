import Contracts
import Foundation
import Postgres
import TestSupport

@testable import Audit

extension AuditFixture {
    /// What the verifier in Tools/penguin says of the company's trail in this database: its exit status, and its words.
    ///
    /// `signer`: whose checkpoints they are, if not this fixture's own.
    func verify(_ tenant: TenantID? = nil, signer: CheckpointSigner? = nil) async throws -> (status: Int32, said: String) {
        let place = house.database.configuration(role: "audit_owner")
        let key = try (signer ?? trail.signer).verifierKeys.joined(separator: "\n")
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Tools/penguin/audit_verify.py").standardized
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [
            "-B", script.path(), "--tenant", (tenant ?? self.tenant).description, "--key", key, "--database",
            "postgresql://\(place.role):\(place.password)@\(place.host):\(place.port)/\(place.database)",
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, said)
    }

    /// The first thing that the verifier does not believe.
    func firstBad() async throws -> (kind: String, seq: Int)? {
        let (_, said) = try await verify()
        let answer = try JSONSerialization.jsonObject(with: Data(said.utf8)) as? [String: Any]
        guard let bad = answer?["first_bad"] as? [String: Any], let kind = bad["kind"] as? String else { return nil }
        return (kind, bad["seq"] as? Int ?? 0)
    }
}
