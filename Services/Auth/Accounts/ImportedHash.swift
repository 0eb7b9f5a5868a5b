import CCrypt
import Foundation

/// A bcrypt hash that another system made (Nile's `crypt-bf/8` among them): good for one more sign-in, then replaced by ours.
struct ImportedHash: Sendable, Equatable {
    /// bcrypt looks at no more; a longer password would be as good as its beginning (as at Okta in 2024), so it matches nothing.
    static let maximumBytes = 72
    /// A dearer hash would keep a thread busy for longer than ours does.
    private static let costs = 4...12

    let text: String

    /// Nil for what is not bcrypt in its usual form, or costs too much.
    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard text.utf8.count == 60, parts.count == 4, parts[0].isEmpty, ["2a", "2b", "2y"].contains(parts[1]), parts[2].count == 2,
            let cost = Int(parts[2]), Self.costs.contains(cost), parts[3].utf8.allSatisfy(Self.isOfAlphabet)
        else { return nil }
        self.text = text
    }

    /// Whether it was made of this password. Takes tens of milliseconds: call it on a thread that may wait.
    func matches(_ password: Data) -> Bool {
        guard password.count <= Self.maximumBytes, !password.contains(0) else { return false }
        // 32 kB of scratch: too much for a stack that is not ours.
        let scratch = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        scratch.initialize(to: crypt_data())
        defer {
            scratch.deinitialize(count: 1)
            scratch.deallocate()
        }
        guard let made = crypt_r(String(decoding: password, as: UTF8.self), text, scratch) else { return false }
        return Data(String(cString: made).utf8).constantTimeEquals(Data(text.utf8))
    }

    private static func isOfAlphabet(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
