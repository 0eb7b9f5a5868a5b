import Contracts
import Foundation

/// A client or team inside a tenant.
struct Workspace: Codable, Sendable, Equatable {
    let id: WorkspaceID
    let name: String
    /// Never changes; unique in its tenant.
    let slug: String
    let postalAddress: String?
    let createdAt: Date
}

/// The form of a name that stands in addresses: lower-case ASCII letters, digits and single hyphens, at most 48.
func slug(of name: String) -> String {
    let plain = name.folding(options: [.diacriticInsensitive, .caseInsensitive, .widthInsensitive], locale: nil)
        .replacingOccurrences(of: "ß", with: "ss").lowercased()
    var result = ""
    for character in plain where result.count < 48 {
        if character.isASCII && (character.isLetter || character.isNumber) {
            result.append(character)
        } else if !result.isEmpty && result.last != "-" {
            result.append("-")
        }
    }
    while result.last == "-" { result.removeLast() }
    return result.isEmpty ? "workspace" : result
}
