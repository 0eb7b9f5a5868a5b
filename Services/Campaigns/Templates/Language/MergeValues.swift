/// What a template may read: the lead's, the sender's and the campaign's, nothing else.
struct MergeValues: Sendable {
    private let lead: Lead
    private let senderName: String?
    private let senderAddress: String?
    private let campaignName: String?
    private let postalAddress: String?

    init(lead: Lead, senderName: String?, senderAddress: String?, campaignName: String?, postalAddress: String?) {
        self.lead = lead
        self.senderName = senderName
        self.senderAddress = senderAddress
        self.campaignName = campaignName
        self.postalAddress = postalAddress
    }

    /// The value under any spelling of the name; nil where there is none.
    subscript(name: String) -> String? { self[TemplateVariable(name)] }

    /// Nil where there is none or nothing but space; always nil for what Delivery fills in.
    subscript(variable: TemplateVariable) -> String? {
        let value: String? =
            switch variable {
            case .email: lead.email
            case .firstName: lead.firstName
            case .lastName: lead.lastName
            case .company: lead.company
            case .senderName: senderName
            case .senderAddress: senderAddress
            case .campaignName: campaignName
            case .postalAddress: postalAddress
            case .unsubscribe: nil
            case .custom(let name, let snake): (lead.custom[name] ?? lead.custom[snake])?.text
            }
        guard let value, !value.utf8.allSatisfy({ $0 <= 0x20 }) else { return nil }
        return value
    }
}
