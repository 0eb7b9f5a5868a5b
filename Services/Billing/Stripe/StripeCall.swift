/// One call as it is sent; made only of what can stand in an address and a header as it is.
struct StripeCall: Sendable, Equatable {
    let method: String
    /// From `/v1/` on.
    let path: String
    /// As a form.
    let parameters: String
    /// The connected account that is acted for; empty for the platform itself.
    let account: String
    /// The idempotency key as Stripe sees it.
    let wireKey: String?
    /// What is counted; of a small set.
    let operation: String

    static let maximumKeyBytes = 255

    /// Checks what callers put together from identifiers; `/v1/` may be left out of the path.
    init(method: String, path: String, parameters: String, account: String, wireKey: String?, isConfigured: Bool) throws(StripeError) {
        guard isConfigured else { throw StripeError(.notConfigured, message: "No key for Stripe is set.") }
        let relative = path.hasPrefix("/") ? String(path.dropFirst()) : path
        let whole = relative.hasPrefix("v1/") ? "/\(relative)" : "/v1/\(relative)"
        let segments = whole.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard segments.count >= 2, segments.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isPlain) }) else {
            throw StripeError(.invalidRequest, code: "malformed_path", message: "The path of a call has letters, digits, - and _ only.")
        }
        guard account.utf8.allSatisfy(Self.isPlain) else {
            throw StripeError(.invalidRequest, code: "malformed_account", message: "An account has letters, digits and _ only.")
        }
        if let wireKey {
            guard wireKey.utf8.count <= Self.maximumKeyBytes, wireKey.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), wireKey.last != ":" else {
                throw StripeError(.invalidRequest, code: "malformed_key", message: "A key has 1 to 200 printable ASCII characters without spaces.")
            }
        }
        self.method = method
        self.path = whole
        self.parameters = parameters
        self.account = account
        self.wireKey = wireKey
        operation = StripeOperation(method: method, path: whole)?.rawValue ?? "other"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
