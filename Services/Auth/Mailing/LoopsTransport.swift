import AsyncHTTPClient
import Contracts
import Foundation
import NIOCore
import NIOHTTP1
import ServiceRuntime

/// Hands mails to Loops' transactional API (OpenAPI 1.21): a template there, our words as its variables.
struct LoopsTransport: Sendable {
    static let keys: [ConfigurationKey] = [
        ConfigurationKey("mail.loops.key", "API key at Loops.", default: "", isSecret: true),
        ConfigurationKey(
            "mail.loops.templates",
            "Loops' template of each kind of mail, such as verification=cl1,default=cl2; default has the variables subject and text.", default: ""),
        ConfigurationKey("mail.loops.url", "Where Loops' API is.", default: "https://app.loops.so/api/v1"),
    ]

    /// The kind of those that have no template of their own.
    private static let otherKinds = "default"

    private let key: String
    private let templates: [String: String]
    private let url: String

    init(_ settings: Settings) throws(SettingsError) {
        key = settings["mail.loops.key"]
        url = settings["mail.loops.url"] + "/transactional"
        var templates: [String: String] = [:]
        var problems: [String] = []
        for entry in settings["mail.loops.templates"].split(separator: ",") {
            let parts = entry.split(separator: "=").map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 2 { templates[parts[0]] = parts[1] } else { problems.append("mail.loops.templates: \"\(entry)\" is not kind=template") }
        }
        self.templates = templates
        if key.isEmpty { problems.append("mail.loops.key is missing: mail.provider is loops") }
        if templates[Self.otherKinds] == nil { problems.append("mail.loops.templates needs an entry default=template") }
        // The key must not cross a network in the clear.
        let host = URL(string: url)?.host()
        if !url.hasPrefix("https://"), host != "127.0.0.1", host != "localhost" { problems.append("mail.loops.url must begin with https://") }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
    }

    var transport: MailTransport {
        MailTransport { mail, recipient, identifier in
            do {
                try await send(mail, to: recipient, identifier)
            } catch let failure as MailTransport.Failure {
                throw failure
            } catch {
                // Nobody answered, or not in time; the key of the request makes a second try safe.
                throw MailTransport.Failure(reason: "Loops did not answer: \(error)", isPermanent: false)
            }
        }
    }

    private struct Body: Encodable {
        let email: String
        let transactionalId: String
        let addToAudience: Bool
        let dataVariables: [String: String]
    }

    private func send(_ mail: OutgoingMail, to recipient: String, _ identifier: UUID) async throws {
        var variables = mail.variables ?? [:]
        let own = mail.variables == nil ? nil : templates[mail.kind]
        if own == nil { variables = ["subject": mail.subject, "text": mail.text] }
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "authorization", value: "Bearer \(key)")
        request.headers.add(name: "content-type", value: "application/json")
        // Good for a day there; our tries end long before.
        request.headers.add(name: "idempotency-key", value: identifier.text)
        let body = Body(
            email: recipient, transactionalId: own ?? templates[Self.otherKinds] ?? "", addToAudience: false, dataVariables: variables)
        // Their names are in camel case, unlike ours.
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(15))
        let answer = try await response.body.collect(upTo: 65_536)
        switch response.status.code {
        // 409: this very mail was taken before, and its answer lost.
        case 200..<300, 409: return
        case 429, 500...: throw failure(response.status.code, answer, isPermanent: false)
        default: throw failure(response.status.code, answer, isPermanent: true)
        }
    }

    private struct Refusal: Decodable {
        let message: String?
        let error: Detail?

        /// A word for a wrong key, an object for a wrong mail.
        enum Detail: Decodable {
            case text(String)
            case object(path: String?, message: String?, reason: String?)

            private enum Keys: String, CodingKey { case path, message, reason }

            init(from decoder: any Decoder) throws {
                if let text = try? decoder.singleValueContainer().decode(String.self) {
                    self = .text(text)
                    return
                }
                let container = try decoder.container(keyedBy: Keys.self)
                self = .object(
                    path: try container.decodeIfPresent(String.self, forKey: .path),
                    message: try container.decodeIfPresent(String.self, forKey: .message),
                    reason: try container.decodeIfPresent(String.self, forKey: .reason))
            }

            var words: String {
                switch self {
                case .text(let text): text
                case .object(let path, let message, let reason): [path, message, reason].compactMap(\.self).joined(separator: ": ")
                }
            }
        }
    }

    private func failure(_ status: UInt, _ answer: ByteBuffer, isPermanent: Bool) -> MailTransport.Failure {
        let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(answer.readableBytesView))
        let words = [refusal?.message, refusal?.error?.words].compactMap(\.self).joined(separator: "; ")
        return MailTransport.Failure(reason: "Loops said \(status)\(words.isEmpty ? "" : ": \(words)")", isPermanent: isPermanent)
    }
}
