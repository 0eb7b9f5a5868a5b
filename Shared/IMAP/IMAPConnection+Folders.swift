import CEtpan
public import Foundation

extension IMAPConnection {
    /// The folders of the mailbox, at most 5,000.
    public func folders() throws(IMAPError) -> [IMAPFolder] {
        let hasExtended = capabilities.contains("SPECIAL-USE") && capabilities.contains("LIST-EXTENDED")
        try command(#"LIST "" "*""# + (hasExtended ? " RETURN (SPECIAL-USE)" : ""), at: .list)
        let list = handle.session.pointee.imap_response_info?.pointee.rsp_mailbox_list
        return CList(list, of: mailimap_mailbox_list.self).prefix(5_000).compactMap { entry in
            guard let name = entry.pointee.mb_name else { return nil }
            let delimiter = entry.pointee.mb_delimiter
            return IMAPFolder(
                name: String(cString: name), delimiter: delimiter > 0 ? Character(UnicodeScalar(UInt8(delimiter))) : nil,
                flags: Self.flags(entry.pointee.mb_flag))
        }
    }

    private static func flags(_ flags: UnsafeMutablePointer<mailimap_mbx_list_flags>?) -> Set<String> {
        guard let flags else { return [] }
        var result: Set<String> = []
        if Int(flags.pointee.mbf_type) == MAILIMAP_MBX_LIST_FLAGS_SFLAG, Int(flags.pointee.mbf_sflag) == MAILIMAP_MBX_LIST_SFLAG_NOSELECT {
            result.insert("noselect")
        }
        for flag in CList(flags.pointee.mbf_oflags, of: mailimap_mbx_list_oflag.self) {
            guard let name = flag.pointee.of_flag_ext else { continue }
            result.insert(String(cString: name).lowercased().replacingOccurrences(of: "\\", with: ""))
        }
        return result
    }

    /// Opens a folder for reading only; nothing in it changes by being read.
    public func examine(_ folder: String) throws(IMAPError) -> IMAPFolderState {
        guard idleTag == nil, (1...1_000).contains(folder.utf8.count), !folder.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { throw IMAPError(.invalidConfiguration, stage: .examine, message: "that is no folder to open now") }
        handle.wire.begin(.examine, within: timeouts.command)
        try check(mailimap_examine(handle.session, folder), at: .examine)
        guard let selection = handle.session.pointee.imap_selection_info?.pointee, selection.sel_uidvalidity != 0 else {
            throw IMAPError(.protocolViolation, stage: .examine, message: "the server does not tell mails apart (no UIDVALIDITY)")
        }
        examinedCount = selection.sel_exists
        return IMAPFolderState(
            uidValidity: selection.sel_uidvalidity, uidNext: selection.sel_uidnext == 0 ? nil : selection.sel_uidnext, count: selection.sel_exists)
    }

    /// The mails of the open folder from `uid` on, lowest first.
    public func search(from uid: UInt32) throws(IMAPError) -> [UInt32] {
        // "n:*" also means the last mail when that has a lower identifier.
        try search("UID \(uid):*").filter { $0 >= uid }
    }

    /// The mails of the open folder that came on the day of `date` (UTC) or later, lowest first.
    public func search(since date: Date) throws(IMAPError) -> [UInt32] {
        try search("SINCE \(IMAPDate.text(date))")
    }

    /// The highest identifier in the open folder, 0 in an empty one: for servers that do not say which comes next.
    public func lastUID() throws(IMAPError) -> UInt32 {
        try search("UID \(UInt32.max):*").last ?? 0
    }

    private func search(_ condition: String) throws(IMAPError) -> [UInt32] {
        try command("UID SEARCH \(condition)", at: .search)
        let found = handle.session.pointee.imap_response_info?.pointee.rsp_search_result
        return CList(found, of: UInt32.self).map(\.pointee).filter { $0 > 0 }.sorted()
    }
}

/// Dates as IMAP writes them.
enum IMAPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()

    static func text(_ date: Date) -> String {
        let parts = calendar.dateComponents([.year, .month, .day], from: date)
        return "\(parts.day ?? 1)-\(months[(parts.month ?? 1) - 1])-\(parts.year ?? 1970)"
    }

    /// Nil for what no calendar has.
    static func date(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, zone: Int) -> Date? {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...24).contains(hour), (0...60).contains(minute),
            (0...61).contains(second), abs(zone) <= 2_400
        else { return nil }
        let parts = DateComponents(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        // The zone is +hhmm as a number.
        return calendar.date(from: parts).map { $0 - Double((zone / 100) * 3_600 + (zone % 100) * 60) }
    }
}
