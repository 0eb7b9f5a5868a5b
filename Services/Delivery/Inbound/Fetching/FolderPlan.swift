import Foundation
import IMAP

/// How far a folder was read.
struct FolderPosition: Sendable, Equatable {
    let name: String
    let uidValidity: UInt32
    let lastUID: UInt32
    /// The mail that could not be taken in, and how often that was tried.
    var stumbleUID: UInt32?
    var stumbles = 0
}

/// Where to go on in a folder: a function of what is known and what the server says.
enum FolderPlan: Sendable, Equatable {
    /// There is nothing that was not read.
    case nothing
    case from(UInt32)
    /// The numbers mean nothing yet, or nothing any more: by the date.
    case since(Date)

    /// How much is read of a mailbox at first, and when its server numbers the mails anew.
    struct Windows: Sendable {
        let first: TimeInterval
        let resync: TimeInterval
    }

    init(known: FolderPosition?, name: String, state: IMAPFolderState, windows: Windows, now: Date) {
        guard let known else {
            self = .since(now.addingTimeInterval(-windows.first))
            return
        }
        // A folder of another name is another folder, even where the number happens to be the same.
        guard known.name == name, known.uidValidity == state.uidValidity else {
            self = .since(now.addingTimeInterval(-windows.resync))
            return
        }
        guard known.lastUID < .max else {
            self = .nothing
            return
        }
        if state.count == 0 {
            self = .nothing
        } else if let next = state.uidNext, next <= known.lastUID + 1 {
            self = .nothing
        } else {
            self = .from(known.lastUID + 1)
        }
    }
}

/// Which mails are read at once: little enough to be held in memory, enough to be quick.
struct FetchBatch: Sendable, Equatable {
    let uids: [UInt32]
    /// Together, as the server counts.
    let size: Int
    let headersOnly: Bool

    private static let mails = 20
    private static let headers = 50

    /// `one`: each by itself, while one of them is known to make trouble.
    static func split(_ mails: [IMAPOverview], headersOnly: Bool, one: Bool, limits: IMAPLimits) -> [FetchBatch] {
        var batches: [FetchBatch] = []
        var uids: [UInt32] = []
        var size = 0
        func close() {
            if !uids.isEmpty { batches.append(FetchBatch(uids: uids, size: size, headersOnly: headersOnly)) }
            (uids, size) = ([], 0)
        }
        for mail in mails.sorted(by: { $0.uid < $1.uid }) {
            let isLarge = !headersOnly && mail.size > limits.mail
            if isLarge {
                close()
                batches.append(FetchBatch(uids: [mail.uid], size: limits.header, headersOnly: true))
                continue
            }
            if !headersOnly, size + mail.size > limits.batch { close() }
            uids.append(mail.uid)
            size += mail.size
            if one || uids.count >= (headersOnly ? headers : Self.mails) { close() }
        }
        close()
        return batches
    }
}
