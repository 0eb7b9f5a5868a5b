/// What Campaigns tells everyone.
public enum CampaignsEvents {
    public struct ImportFinished: Event {
        public static let name = "campaigns.import.finished"
        public var importID: ImportID
        public var created: Int64
        public var updated: Int64
        public var duplicates: Int64
        public var rejected: Int64

        enum CodingKeys: String, CodingKey {
            case importID = "import"
            case created, updated, duplicates, rejected
        }

        public init(importID: ImportID, created: Int64, updated: Int64, duplicates: Int64, rejected: Int64) {
            self.importID = importID
            self.created = created
            self.updated = updated
            self.duplicates = duplicates
            self.rejected = rejected
        }
    }

    public struct TemplateCreated: Event {
        public static let name = "campaigns.template.created"
        public var template: TemplateID

        public init(template: TemplateID) {
            self.template = template
        }
    }

    /// A campaign came into being or changed its status.
    public struct CampaignStatusChanged: Event {
        public static let name = "campaigns.campaign.statusChanged"
        public var campaign: CampaignID
        public var status: String
        public var reason: String?

        public init(campaign: CampaignID, status: String, reason: String?) {
            self.campaign = campaign
            self.status = status
            self.reason = reason
        }
    }
}
