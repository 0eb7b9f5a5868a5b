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

    /// An import began, failed or was cancelled, is being taken back, or has been.
    public struct ImportStatusChanged: Event {
        public static let name = "campaigns.import.statusChanged"
        public var importID: ImportID
        public var status: String

        enum CodingKeys: String, CodingKey {
            case importID = "import"
            case status
        }

        public init(importID: ImportID, status: String) {
            self.importID = importID
            self.status = status
        }
    }

    public struct TemplateCreated: Event {
        public static let name = "campaigns.template.created"
        public var template: TemplateID

        public init(template: TemplateID) {
            self.template = template
        }
    }

    /// A template says something else from now on; the versions before stay what they were.
    public struct TemplateUpdated: Event {
        public static let name = "campaigns.template.updated"
        public var template: TemplateID
        public var version: Int

        public init(template: TemplateID, version: Int) {
            self.template = template
            self.version = version
        }
    }

    public struct TemplateDeleted: Event {
        public static let name = "campaigns.template.deleted"
        public var template: TemplateID

        public init(template: TemplateID) {
            self.template = template
        }
    }

    /// Somebody had a template sent to themselves or a colleague.
    public struct TemplateTested: Event {
        public static let name = "campaigns.template.tested"
        public var template: TemplateID
        public var version: Int
        public var mails: Int

        public init(template: TemplateID, version: Int, mails: Int) {
            self.template = template
            self.version = version
            self.mails = mails
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

    /// What a campaign sends, when, or from where was changed.
    public struct CampaignEdited: Event {
        public static let name = "campaigns.campaign.edited"
        public var campaign: CampaignID
        public var sequenceVersion: Int

        public init(campaign: CampaignID, sequenceVersion: Int) {
            self.campaign = campaign
            self.sequenceVersion = sequenceVersion
        }
    }
}
