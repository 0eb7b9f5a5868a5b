extension CampaignsEvents {
    public struct SegmentCreated: Event {
        public static let name = "campaigns.segment.created"
        public var segment: SegmentID

        public init(segment: SegmentID) {
            self.segment = segment
        }
    }

    public struct SegmentChanged: Event {
        public static let name = "campaigns.segment.changed"
        public var segment: SegmentID

        public init(segment: SegmentID) {
            self.segment = segment
        }
    }

    public struct SegmentDeleted: Event {
        public static let name = "campaigns.segment.deleted"
        public var segment: SegmentID

        public init(segment: SegmentID) {
            self.segment = segment
        }
    }

    public struct ListCreated: Event {
        public static let name = "campaigns.list.created"
        public var list: ListID

        public init(list: ListID) {
            self.list = list
        }
    }

    public struct ListChanged: Event {
        public static let name = "campaigns.list.changed"
        public var list: ListID

        public init(list: ListID) {
            self.list = list
        }
    }

    public struct ListDeleted: Event {
        public static let name = "campaigns.list.deleted"
        public var list: ListID

        public init(list: ListID) {
            self.list = list
        }
    }

    /// Leads came into a list or left it.
    public struct ListMembersChanged: Event {
        public static let name = "campaigns.list.membersChanged"
        public var list: ListID
        public var added: Int
        public var removed: Int

        public init(list: ListID, added: Int, removed: Int) {
            self.list = list
            self.added = added
            self.removed = removed
        }
    }
}
