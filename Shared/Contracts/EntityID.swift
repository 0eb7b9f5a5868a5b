public import Foundation

/// The identifier of one kind of thing: a UUIDv7 that cannot be mistaken for the identifier of another kind.
///
/// On the wire it is the lower-case string form.
public struct EntityID<Kind>: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Before every identifier.
    public static var zero: Self { Self(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))) }

    public let uuid: UUID

    public init(_ uuid: UUID) {
        self.uuid = uuid
    }

    /// Nil unless `text` is a UUID.
    public init?(_ text: some StringProtocol) {
        guard let uuid = UUID(text: String(text)) else { return nil }
        self.uuid = uuid
    }

    public init(from decoder: any Decoder) throws {
        uuid = try decoder.singleValueContainer().decode(UUID.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String { uuid.text }
}

public enum TenantKind {}
public enum UserKind {}
public enum SessionKind {}
public enum WorkspaceKind {}
public enum MailboxKind {}
public enum DomainKind {}
public enum LeadKind {}
public enum ImportKind {}
public enum ListKind {}
public enum SegmentKind {}
public enum TemplateKind {}
public enum CampaignKind {}
public enum EnrolmentKind {}
public enum ReservationKind {}
public enum SendKind {}
public enum EventKind {}

public typealias TenantID = EntityID<TenantKind>
public typealias UserID = EntityID<UserKind>
public typealias SessionID = EntityID<SessionKind>
public typealias WorkspaceID = EntityID<WorkspaceKind>
public typealias MailboxID = EntityID<MailboxKind>
public typealias DomainID = EntityID<DomainKind>
public typealias LeadID = EntityID<LeadKind>
public typealias ImportID = EntityID<ImportKind>
public typealias ListID = EntityID<ListKind>
public typealias SegmentID = EntityID<SegmentKind>
public typealias TemplateID = EntityID<TemplateKind>
public typealias CampaignID = EntityID<CampaignKind>
public typealias EnrolmentID = EntityID<EnrolmentKind>
public typealias ReservationID = EntityID<ReservationKind>
public typealias SendID = EntityID<SendKind>
public typealias EventID = EntityID<EventKind>
