public import Foundation

/// What Campaigns tells about leads: identifiers, names of fields and numbers, never what is known of a person.
extension CampaignsEvents {
    public struct LeadCreated: Event {
        public static let name = "campaigns.lead.created"
        public var lead: LeadID

        public init(lead: LeadID) {
            self.lead = lead
        }
    }

    public struct LeadChanged: Event {
        public static let name = "campaigns.lead.changed"
        public var lead: LeadID
        /// The names of what is different now.
        public var fields: [String]

        public init(lead: LeadID, fields: [String]) {
            self.lead = lead
            self.fields = fields
        }
    }

    public struct LeadDeleted: Event {
        public static let name = "campaigns.lead.deleted"
        public var lead: LeadID

        public init(lead: LeadID) {
            self.lead = lead
        }
    }

    /// Many leads of a workspace were changed at once.
    public struct LeadsChanged: Event {
        public static let name = "campaigns.leads.changed"
        public var action: String
        public var changed: Int
        public var skipped: Int

        public init(action: String, changed: Int, skipped: Int) {
            self.action = action
            self.changed = changed
            self.skipped = skipped
        }
    }

    /// Leads of a workspace were taken out as a file, or are about to be.
    public struct LeadsExported: Event {
        public static let name = "campaigns.leads.exported"
        /// Nil for a file that was sent as it was asked for.
        public var leadExport: UUID?
        public var act: String
        public var rows: Int64

        public init(leadExport: UUID?, act: String, rows: Int64) {
            self.leadExport = leadExport
            self.act = act
            self.rows = rows
        }
    }

    public struct CustomFieldChanged: Event {
        public static let name = "campaigns.customField.changed"
        public var customField: UUID
        /// `created`, `changed` or `deleted`.
        public var act: String

        public init(customField: UUID, act: String) {
            self.customField = customField
            self.act = act
        }
    }
}
