import Contracts
import Foundation
import HTTP
import Mail

/// A lead that somebody wants to have, checked except for what only the company's fields can tell.
struct LeadDraft: Sendable {
    let email: String
    let firstName: String?
    let lastName: String?
    let company: String?
    let custom: [String: CustomValue]
    let timeZone: String?
    let tags: [String]

    /// Problem 400 with the field.
    init(
        email: String, firstName: String?, lastName: String?, company: String?, custom: [String: CustomValue], timeZone: String?, tags: [String]
    ) throws(Problem) {
        do throws(MailAddressError) {
            self.email = try MailAddress(email).normalized
        } catch {
            throw Problem.invalid("email must be an address such as ada@example.org.", field: "email")
        }
        self.firstName = try LeadInput.text(firstName, field: "first_name")
        self.lastName = try LeadInput.text(lastName, field: "last_name")
        self.company = try LeadInput.text(company, field: "company")
        self.custom = custom
        self.timeZone = try LeadInput.timeZone(timeZone)
        self.tags = try LeadInput.tags(tags)
    }

    func lead(_ id: LeadID, isSuppressed: Bool, at now: Date) -> Lead {
        Lead(
            id: id, email: email, firstName: firstName, lastName: lastName, company: company, custom: custom, timeZone: timeZone, tags: tags,
            status: isSuppressed ? .suppressed : .active, statusChangedAt: isSuppressed ? now : nil, createdAt: now)
    }
}
