public import Foundation

/// An opened folder.
public struct IMAPFolderState: Sendable, Equatable {
    /// Identifiers of mails mean the same mails only as long as this is the same.
    public var uidValidity: UInt32
    /// The identifier that the next mail will have; not every server says it.
    public var uidNext: UInt32?
    public var count: UInt32

    public init(uidValidity: UInt32, uidNext: UInt32?, count: UInt32) {
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.count = count
    }
}

/// What is known of a mail before it is read.
public struct IMAPOverview: Sendable, Equatable {
    public var uid: UInt32
    /// As the server counts it.
    public var size: Int
    /// INTERNALDATE.
    public var receivedAt: Date
    public var isSeen: Bool

    public init(uid: UInt32, size: Int, receivedAt: Date, isSeen: Bool) {
        self.uid = uid
        self.size = size
        self.receivedAt = receivedAt
        self.isSeen = isSeen
    }
}

/// A mail that was read.
public struct IMAPMail: Sendable, Equatable {
    public var uid: UInt32
    /// INTERNALDATE.
    public var receivedAt: Date
    /// Of a mail that was read as its header only, the header.
    public var bytes: [UInt8]

    public init(uid: UInt32, receivedAt: Date, bytes: [UInt8]) {
        self.uid = uid
        self.receivedAt = receivedAt
        self.bytes = bytes
    }
}
