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
        return try await run([
            "--tenant", (tenant ?? self.tenant).description, "--key", try (signer ?? trail.signer).verifierKeys.joined(separator: "\n"),
            "--database", "postgresql://\(place.role):\(place.password)@\(place.host):\(place.port)/\(place.database)",
        ])
    }

    /// What the verifier says of a file that somebody has, with nothing but it and the public keys; `manifest` is the note for a table.
    func verify(file: String, format: TrailExportFormat, manifest: String? = nil) async throws -> (status: Int32, said: String) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "penguin-file-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let place = folder.appending(path: "trail.\(format.rawValue)")
        try Data(file.utf8).write(to: place)
        var arguments = ["--export", place.path(), "--key", try trail.signer.verifierKeys.joined(separator: "\n")]
        if let manifest {
            let note = folder.appending(path: "manifest")
            try Data(manifest.utf8).write(to: note)
            arguments += ["--manifest", note.path()]
        }
        return try await run(arguments)
    }

    private func run(_ arguments: [String]) async throws -> (status: Int32, said: String) {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Tools/penguin/audit_verify.py").standardized
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-B", script.path()] + arguments
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
