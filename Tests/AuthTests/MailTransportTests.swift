import Configuration
import Foundation
import Logging
import Primitives
import ServiceRuntime
import TestSupport
import Testing

@testable import Auth

/// What Auth may rely on, whoever sends its mails.
@Suite("Mails about accounts, by either provider")
struct MailTransportTests {
    enum Provider: String, CaseIterable, Sendable {
        case smtp, loops
    }

    /// A provider that answers, and how often it has taken a mail to an address.
    private struct Ground: Sendable {
        let transport: MailTransport
        let taken: @Sendable (String) throws -> Int
    }

    private func with(_ provider: Provider, _ body: @escaping @Sendable (Ground) async throws -> Void) async throws {
        switch provider {
        case .smtp:
            let server = try await TestMailServer.start()
            let transport = try Self.transport(Self.smtp(port: server.port))
            try await body(
                Ground(transport: transport) { address in
                    // A second copy under the same Message-ID is what a mail client shows once.
                    let mails = try server.mails().filter { $0.contains("Delivered-To: \(address)") }
                    return Set(mails.compactMap { $0.firstMatch(of: /(?i)message-id: (\S+)/).map { String($0.1) } }).count
                })
        case .loops:
            let double = LoopsDouble()
            try await double.serve { url in
                let transport = try Self.transport(Self.loops(url: url))
                try await body(Ground(transport: transport) { address in double.delivered.count { $0.email == address } })
            }
        }
    }

    private static func smtp(port: Int) -> [String: String] {
        [
            "mail.host": "127.0.0.1", "mail.port": "\(port)", "mail.security": "none", "mail.username": "sender", "mail.password": "secret",
            "mail.from": "hello@penguinmails.test",
        ]
    }

    private static func loops(url: String, key: String = LoopsDouble.apiKey) -> [String: String] {
        [
            "mail.provider": "loops", "mail.loops.key": key, "mail.loops.url": url,
            "mail.loops.templates": "verification=tpl-verification, default=tpl-default",
        ]
    }

    private static func transport(_ values: [String: String]) throws -> MailTransport {
        let entries = values.map { (AbsoluteConfigKey($0.key.split(separator: ".").map(String.init)), ConfigValue(stringLiteral: $0.value)) }
        let reader = ConfigReader(provider: InMemoryProvider(values: Dictionary(uniqueKeysWithValues: entries)))
        return try MailTransport.make(try Settings(reader, keys: MailTransport.keys), logger: Logger(label: "test"))
    }

    private static let mail = OutgoingMail.verification(
        Verifications.Proof(token: "a-token", code: "012345"), name: "Ada", baseURL: "https://localhost:8443")

    private func failure(_ work: () async throws -> Void) async throws -> MailTransport.Failure {
        do {
            try await work()
        } catch let failure as MailTransport.Failure {
            return failure
        }
        throw NotRefused()
    }

    private struct NotRefused: Error {}

    @Test("a mail is taken once, also when its answer was lost and it is sent again", arguments: Provider.allCases)
    func once(_ provider: Provider) async throws {
        try await with(provider) { ground in
            let identifier = UUID.v7(at: Date())
            for _ in 0..<2 { try await ground.transport.send(Self.mail, "ada@example.com", identifier) }
            try await ground.transport.send(.alreadyRegistered(baseURL: "https://localhost:8443"), "ada@example.com", UUID.v7(at: Date()))
            #expect(try ground.taken("ada@example.com") == 2)
        }
    }

    @Test("an address that is refused is refused for good, with the provider's words", arguments: Provider.allCases)
    func refused(_ provider: Provider) async throws {
        try await with(provider) { ground in
            let failure = try await failure { try await ground.transport.send(Self.mail, "refuse-550@example.com", UUID()) }
            #expect(failure.isPermanent && (failure.reason.contains("550") || failure.reason.contains("Invalid email")), "\(failure)")
        }
    }

    @Test("nobody there is a reason to try again", arguments: Provider.allCases)
    func away(_ provider: Provider) async throws {
        let transport = try Self.transport(provider == .smtp ? Self.smtp(port: 1) : Self.loops(url: "http://127.0.0.1:1/api/v1"))
        let failure = try await failure { try await transport.send(Self.mail, "ada@example.com", UUID()) }
        #expect(!failure.isPermanent)
    }

    @Test("SMTP: a server that says later is asked later")
    func deferred() async throws {
        try await with(.smtp) { ground in
            let failure = try await failure { try await ground.transport.send(Self.mail, "defer-450@example.com", UUID()) }
            #expect(!failure.isPermanent && failure.reason.contains("450"))
        }
    }

    @Test("Loops: too many requests and errors of theirs are tried again under the same key, what we do wrong is not")
    func loopsErrors() async throws {
        let double = LoopsDouble()
        try await double.serve { url in
            let transport = try Self.transport(Self.loops(url: url))
            let identifier = UUID.v7(at: Date())
            for status in [429, 500, 503] {
                double.fail(with: .init(code: status))
                let failure = try await failure { try await transport.send(Self.mail, "ada@example.com", identifier) }
                #expect(!failure.isPermanent && failure.reason.contains("\(status)"), "\(failure)")
            }
            try await transport.send(Self.mail, "ada@example.com", identifier)
            let url = "https://localhost:8443/verify-email?token=a-token"
            #expect(
                double.delivered == [
                    .init(
                        email: "ada@example.com", template: "tpl-verification",
                        variables: ["token": "a-token", "code": "012345", "userName": "Ada", "verificationUrl": url], key: identifier.text)
                ])
        }
        try await double.serve { url in
            let wrongKey = try Self.transport(Self.loops(url: url, key: "wrong"))
            let failure = try await failure { try await wrongKey.send(Self.mail, "ada@example.com", UUID()) }
            #expect(failure.isPermanent && failure.reason.contains("Invalid API key"))
            var settings = Self.loops(url: url)
            settings["mail.loops.templates"] = "default=unknown"
            let unknown = try Self.transport(settings)
            #expect(try await self.failure { try await unknown.send(Self.mail, "ada@example.com", UUID()) }.isPermanent)
        }
    }

    @Test(
        "settings that cannot work are refused at the start",
        arguments: [
            ["mail.provider": "pigeon"], ["mail.provider": "smtp"], ["mail.provider": "loops"],
            ["mail.provider": "loops", "mail.loops.key": "k", "mail.loops.templates": "default=a", "mail.loops.url": "http://app.loops.so/api/v1"],
            ["mail.provider": "loops", "mail.loops.key": "k", "mail.loops.templates": "verification=a"],
        ])
    func settings(_ values: [String: String]) {
        #expect(throws: SettingsError.self) { try Self.transport(values) }
    }
}
