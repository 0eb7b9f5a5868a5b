import Contracts
import Foundation

/// A client or team inside a tenant.
struct Workspace: Codable, Sendable, Equatable {
    let id: WorkspaceID
    var name: String
    /// Never changes; unique in its tenant.
    let slug: String
    var postalAddress: String?
    let createdAt: Date

    /// Where a page of the list ends.
    struct Place: Codable, Sendable {
        let name: String
        let id: WorkspaceID
    }

    /// What is to be different; nil stays as it is.
    struct Change: Sendable {
        let name: String?
        let postalAddress: String?

        func applied(to old: Workspace) -> Workspace {
            var new = old
            new.name = name ?? old.name
            new.postalAddress = postalAddress ?? old.postalAddress
            return new
        }
    }

    /// For the trail. The address stands on every commercial mail, so it is no secret.
    func changes(from old: Workspace) -> [AuditRecord.Change] {
        ([("name", old.name, name), ("postal_address", old.postalAddress, postalAddress)] as [(String, String?, String?)]).filter { $0.1 != $0.2 }.map
        {
            AuditRecord.Change(path: $0.0, before: $0.1, after: $0.2)
        }
    }
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
