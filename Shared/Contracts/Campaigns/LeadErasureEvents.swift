public enum ErasureKind {}
public typealias ErasureID = EntityID<ErasureKind>

extension CampaignsEvents {
    /// A lead is to be forgotten everywhere; it has left every campaign.
    public struct LeadErasureRequested: Event {
        public static let name = "campaigns.lead.erasureRequested"
        public var lead: LeadID
        public var erasure: ErasureID

        public init(lead: LeadID, erasure: ErasureID) {
            self.lead = lead
            self.erasure = erasure
        }
    }

    /// Every service has acknowledged that it has forgotten the lead.
    public struct LeadErased: Event {
        public static let name = "campaigns.lead.erased"
        public var lead: LeadID
        public var erasure: ErasureID

        public init(lead: LeadID, erasure: ErasureID) {
            self.lead = lead
            self.erasure = erasure
        }
    }
}
