/// What others may ask Campaigns.
public enum CampaignsRPC {}
