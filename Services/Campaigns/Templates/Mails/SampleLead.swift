import Contracts
import Foundation

extension Lead {
    /// Somebody to show a template for, who has every custom field.
    static func sample(customFields: Set<String> = []) -> Lead {
        Lead(
            id: .zero, email: "ada.lovelace@example.com", firstName: "Ada", lastName: "Lovelace", company: "Example Ltd",
            custom: Dictionary(uniqueKeysWithValues: customFields.map { ($0, CustomValue.text("[\($0)]")) }),
            createdAt: Date(timeIntervalSince1970: 0))
    }
}
