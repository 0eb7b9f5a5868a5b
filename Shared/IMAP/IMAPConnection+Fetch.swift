import CEtpan
import Foundation

extension IMAPConnection {
    /// Sizes and dates of mails of the open folder, at most 500 at once; what is gone meanwhile is left out.
    public func overview(of uids: [UInt32]) throws(IMAPError) -> [IMAPOverview] {
        guard !uids.isEmpty else { return [] }
        try command("UID FETCH \(Self.set(uids)) (UID FLAGS INTERNALDATE RFC822.SIZE)", at: .fetch)
        let asked = Set(uids)
        return fetched.compactMap { item in
            guard let uid = item.uid, asked.contains(uid), let size = item.size else { return nil }
            return IMAPOverview(uid: uid, size: size, receivedAt: item.receivedAt ?? .distantPast, isSeen: item.isSeen)
        }.sorted { $0.uid < $1.uid }
    }

    /// Whole mails of the open folder, which together have `size` bytes as the server counts; what is gone meanwhile is left out.
    public func mails(_ uids: [UInt32], size: Int) throws(IMAPError) -> [IMAPMail] {
        // Servers count line ends and headers of their own differently: some room is left before one is called a liar.
        let room = 4 << 20
        return try mails(uids, section: "", literals: limits.mail + room, total: size + size / 4 + room)
    }

    /// The headers of mails of the open folder.
    public func headers(_ uids: [UInt32]) throws(IMAPError) -> [IMAPMail] {
        let each = limits.header
        return try mails(uids, section: "HEADER", part: "<0.\(each)>", literals: each + 1_024, total: uids.count * (each + 2_048) + (1 << 20))
    }

    private func mails(_ uids: [UInt32], section: String, part: String = "", literals: Int, total: Int) throws(IMAPError) -> [IMAPMail] {
        guard !uids.isEmpty else { return [] }
        try command(
            "UID FETCH \(Self.set(uids)) (UID INTERNALDATE BODY.PEEK[\(section)]\(part))", at: .fetch, within: timeouts.fetch,
            literals: literals, total: total)
        let asked = Set(uids)
        var seen: Set<UInt32> = []
        let mails = fetched.compactMap { item -> IMAPMail? in
            guard let uid = item.uid, asked.contains(uid), let bytes = item.bytes(), seen.insert(uid).inserted else { return nil }
            return IMAPMail(uid: uid, receivedAt: item.receivedAt ?? .distantPast, bytes: bytes)
        }
        // libetpan would keep its copy until the next answer, which may be long in coming.
        forgetAnswer()
        return mails.sorted { $0.uid < $1.uid }
    }

    private func forgetAnswer() {
        guard let information = handle.session.pointee.imap_response_info else { return }
        handle.session.pointee.imap_response_info = mailimap_response_info_new()
        mailimap_response_info_free(information)
    }

    private var fetched: [FetchedItem] {
        let list = handle.session.pointee.imap_response_info?.pointee.rsp_fetch_list
        return CList(list, of: mailimap_msg_att.self).map { FetchedItem($0.pointee.att_list) }
    }

    /// `1,2,3` or `1:3`, whichever says it.
    static func set(_ uids: [UInt32]) -> String {
        var ranges: [ClosedRange<UInt32>] = []
        for uid in uids.sorted() {
            if let last = ranges.last, last.upperBound != .max, uid == last.upperBound + 1 {
                ranges[ranges.count - 1] = last.lowerBound...uid
            } else if ranges.last?.upperBound != uid {
                ranges.append(uid...uid)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }.joined(separator: ",")
    }
}

/// What one FETCH answer says of one mail; good until the next command.
private struct FetchedItem {
    var uid: UInt32?
    var size: Int?
    var receivedAt: Date?
    var isSeen = false
    private var body: UnsafeMutablePointer<mailimap_msg_att_body_section>?

    init(_ list: UnsafeMutablePointer<clist>?) {
        for item in CList(list, of: mailimap_msg_att_item.self) {
            switch Int(item.pointee.att_type) {
            case MAILIMAP_MSG_ATT_ITEM_STATIC: if let part = item.pointee.att_data.att_static { read(part.pointee) }
            case MAILIMAP_MSG_ATT_ITEM_DYNAMIC: isSeen = Self.hasSeen(item.pointee.att_data.att_dyn?.pointee.att_list)
            default: continue
            }
        }
    }

    /// A copy; nil where the server had nothing.
    func bytes() -> [UInt8]? {
        guard let body, let start = body.pointee.sec_body_part else { return nil }
        return Array(UnsafeRawBufferPointer(start: start, count: body.pointee.sec_length))
    }

    private mutating func read(_ part: mailimap_msg_att_static) {
        switch Int(part.att_type) {
        case MAILIMAP_MSG_ATT_UID: uid = part.att_data.att_uid
        case MAILIMAP_MSG_ATT_RFC822_SIZE: size = Int(part.att_data.att_rfc822_size)
        case MAILIMAP_MSG_ATT_BODY_SECTION: body = part.att_data.att_body_section
        case MAILIMAP_MSG_ATT_INTERNALDATE:
            guard let date = part.att_data.att_internal_date?.pointee else { return }
            receivedAt = IMAPDate.date(
                year: Int(date.dt_year), month: Int(date.dt_month), day: Int(date.dt_day), hour: Int(date.dt_hour), minute: Int(date.dt_min),
                second: Int(date.dt_sec), zone: Int(date.dt_zone))
        default: return
        }
    }

    private static func hasSeen(_ list: UnsafeMutablePointer<clist>?) -> Bool {
        CList(list, of: mailimap_flag_fetch.self).contains { flag in
            Int(flag.pointee.fl_type) == MAILIMAP_FLAG_FETCH_OTHER
                && flag.pointee.fl_flag.map { Int($0.pointee.fl_type) == MAILIMAP_FLAG_SEEN } == true
        }
    }
}
