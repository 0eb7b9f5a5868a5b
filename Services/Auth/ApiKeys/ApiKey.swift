import Contracts
import Crypto
import Foundation
import HTTP
import Primitives

/// A key by which a program acts for a company.
struct ApiKey: Sendable, Encodable, Equatable {
    let id: EntityID<ApiKey>
    let name: String
    /// How the key begins, to recognise it by.
    let hint: String
    let scopes: [String]
    let requestsPerMinute: Int
    let createdAt: Date
    let expiresAt: Date?
    let lastUsedAt: Date?
}

/// What a key may do: read or change what one service has, as a member would. Writing includes reading; reading is whatever changes nothing, so that a
/// key that only reads has the files and the rejected rows of what it may look at, too. None reaches Auth: a key must not make keys.
enum ApiScope {
    /// Of every key, whichever its scopes: what needs an admin stays with people, unless a scope is made for it (the trail, what the company pays).
    static let role = Role.member.rawValue

    static let all: Set<String> = [
        "billing:read", "campaigns:read", "campaigns:write", "delivery:read", "delivery:write", "audit:read",
    ]

    /// Whether one of `scopes` allows such a request.
    static func allows(_ scopes: [String], _ audience: ServiceName, isSafe: Bool) -> Bool {
        scopes.contains("\(audience.rawValue):write") || isSafe && scopes.contains("\(audience.rawValue):read")
    }
}

/// The key itself: `pmk_`, 43 random characters, and 8 of a checksum, so that scanners of repositories find leaked ones without false alarms.
struct ApiKeySecret: Sendable {
    static let prefix = "pmk_"

    let text: String

    static func random() -> ApiKeySecret {
        let body = randomBytes(32).base64URL.replacingOccurrences(of: "-", with: "0").replacingOccurrences(of: "_", with: "1")
        return ApiKeySecret(text: prefix + body + checksum(body))
    }

    /// Nil for what cannot be a key, without a look into the database.
    init?(_ entered: String) {
        guard entered.hasPrefix(Self.prefix), entered.utf8.count == Self.prefix.utf8.count + 43 + 8 else { return nil }
        let body = String(entered.dropFirst(Self.prefix.count).dropLast(8))
        guard Self.checksum(body) == String(entered.suffix(8)) else { return nil }
        text = entered
    }

    private init(text: String) {
        self.text = text
    }

    /// 256 random bits need no slow hash.
    var digest: Data { Data(SHA256.hash(data: Data(text.utf8))) }
    var hint: String { String(text.prefix(12)) }

    private static func checksum(_ body: String) -> String {
        String(Data(SHA256.hash(data: Data("\(prefix)\(body)".utf8))).hexadecimal.prefix(8))
    }
}
