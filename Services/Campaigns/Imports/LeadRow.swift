import Foundation
import Mail

/// A row of a file as a lead, or why it is none.
struct LeadRow: Sendable, Equatable {
    struct Rejection: Error, Sendable, Equatable {
        let reason: String
        let field: String?
        let value: String?
    }

    let line: Int
    let email: String
    var firstName: String?
    var lastName: String?
    var company: String?
    var custom: [String: String] = [:]

    /// Trims values, keeps empty ones as missing, and cuts none: a value over 1,000 characters is a reason to reject.
    init(line: Int, fields: [String], mapping: ColumnMapping) throws(Rejection) {
        guard fields.count <= mapping.targets.count else {
            throw Rejection(reason: "too_many_columns", field: nil, value: "\(fields.count) instead of \(mapping.targets.count)")
        }
        self.line = line
        var email: String?
        for (target, raw) in zip(mapping.targets, fields) {
            let value = raw.trimmingCharacters(in: .whitespacesAndNewlines)
            guard !value.isEmpty else { continue }
            guard value.count <= 1_000 else { throw Rejection(reason: "value_too_long", field: Self.name(target), value: String(value.prefix(50))) }
            switch target {
            case .email: email = value
            case .firstName: firstName = value
            case .lastName: lastName = value
            case .company: company = value
            case .custom(let name): custom[name] = value
            }
        }
        guard let email else { throw Rejection(reason: "email_missing", field: "email", value: nil) }
        do throws(MailAddressError) {
            self.email = try MailAddress(email).normalized
        } catch {
            throw Rejection(reason: "email_invalid", field: "email", value: String(email.prefix(200)))
        }
    }

    private static func name(_ target: ColumnMapping.Target) -> String {
        switch target {
        case .email: "email"
        case .firstName: "first_name"
        case .lastName: "last_name"
        case .company: "company"
        case .custom(let name): name
        }
    }
}
