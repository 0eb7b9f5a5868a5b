extension CampaignsEvents {
    /// Somebody took a lead out of a campaign by hand.
    public struct EnrolmentStopped: Event {
        public static let name = "campaigns.enrolment.stopped"
        public var campaign: CampaignID
        public var enrolment: EnrolmentID

        public init(campaign: CampaignID, enrolment: EnrolmentID) {
            self.campaign = campaign
            self.enrolment = enrolment
        }
    }

    /// A recipient's opt-out was taken back, and the enrolment that had ended by it goes on, or is what it was.
    public struct EnrolmentResumed: Event {
        public static let name = "campaigns.enrolment.resumed"
        public var campaign: CampaignID
        public var enrolment: EnrolmentID

        public init(campaign: CampaignID, enrolment: EnrolmentID) {
            self.campaign = campaign
            self.enrolment = enrolment
        }
    }
}
