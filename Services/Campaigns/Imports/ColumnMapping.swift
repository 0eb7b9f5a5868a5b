/// Which column of a file is what, guessed from the header.
struct ColumnMapping: Sendable, Equatable {
    enum Target: Sendable, Equatable {
        case email
        case firstName
        case lastName
        case company
        /// Kept under this name.
        case custom(String)
    }

    let targets: [Target]

    /// Nil when no column looks like an e-mail address; of two that look alike the first counts, the second is kept as custom.
    init?(header: [String]) {
        var targets: [Target] = []
        for (index, name) in header.enumerated() {
            let key = Self.key(name)
            let known = Self.synonyms[key]
            if let known, !targets.contains(known) {
                targets.append(known)
            } else {
                targets.append(.custom(key.isEmpty ? "column_\(index + 1)" : key))
            }
        }
        guard targets.contains(.email) else { return nil }
        self.targets = targets
    }

    /// `First Name` → `first_name`.
    private static func key(_ name: String) -> String {
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }
        return String(words.joined(separator: "_").prefix(64))
    }

    private static let synonyms: [String: Target] = [
        "email": .email, "e_mail": .email, "mail": .email, "email_address": .email, "e_mail_address": .email, "address": .email,
        "first_name": .firstName, "firstname": .firstName, "given_name": .firstName, "vorname": .firstName, "prenom": .firstName,
        "last_name": .lastName, "lastname": .lastName, "surname": .lastName, "family_name": .lastName, "nachname": .lastName, "nom": .lastName,
        "company": .company, "company_name": .company, "organization": .company, "organisation": .company, "firma": .company,
    ]
}
