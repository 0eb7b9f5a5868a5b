/// What a variable of a template stands for: a closed set, and the company's own fields of a lead.
enum TemplateVariable: Sendable, Hashable {
    case email
    case firstName
    case lastName
    case company
    case senderName
    case senderAddress
    case campaignName
    case postalAddress
    /// Filled in by Delivery, since only it knows the mail's link.
    case unsubscribe
    /// A field of the lead, as it was written and in snake_case.
    case custom(name: String, snake: String)

    /// Every spelling is understood: `first_name`, `firstName`, `FirstName`; `sender.name`, `sender_name`; `custom.city`, `city`.
    init(_ name: String) {
        let snake = Self.snakeCased(name)
        if let known = Self.byName[snake] {
            self = known
        } else if snake.hasPrefix("custom.") {
            self = .custom(name: String(name.dropFirst(7)), snake: String(snake.dropFirst(7)))
        } else {
            self = .custom(name: name, snake: snake)
        }
    }

    /// As people should write it.
    var name: String {
        switch self {
        case .email: "email"
        case .firstName: "first_name"
        case .lastName: "last_name"
        case .company: "company"
        case .senderName: "sender.name"
        case .senderAddress: "sender.address"
        case .campaignName: "campaign.name"
        case .postalAddress: "postal_address"
        case .unsubscribe: "unsubscribe_url"
        // A field of the company's may be called as one of ours is.
        case .custom(let name, let snake): Self.byName[snake] == nil ? name : "custom.\(name)"
        }
    }

    /// No value is longer, in characters; what is longer is cut.
    var longestValue: Int { self == .email ? 320 : 1_000 }

    private static let byName: [String: TemplateVariable] = [
        "email": .email, "first_name": .firstName, "last_name": .lastName, "company": .company, "sender.name": .senderName,
        "sender_name": .senderName, "sender.address": .senderAddress, "sender_address": .senderAddress, "campaign.name": .campaignName,
        "campaign_name": .campaignName, "postal_address": .postalAddress, "unsubscribe_url": .unsubscribe,
    ]

    /// `firstName`, `FirstName` and `FIRST_NAME` → `first_name`; letters beyond ASCII stay as they are.
    static func snakeCased(_ name: String) -> String {
        let bytes = Array(name.utf8)
        var result: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            guard TemplateByte.isUpper(byte) else {
                result.append(byte)
                continue
            }
            if index > 0 {
                let before = bytes[index - 1]
                let endsCapitals = TemplateByte.isUpper(before) && index + 1 < bytes.count && TemplateByte.isLower(bytes[index + 1])
                if TemplateByte.isLower(before) || TemplateByte.isDigit(before) || endsCapitals { result.append(UInt8(ascii: "_")) }
            }
            result.append(TemplateByte.lowercased(byte))
        }
        return String(decoding: result, as: UTF8.self)
    }
}
