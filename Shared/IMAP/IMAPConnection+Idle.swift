import CEtpan

extension IMAPConnection {
    /// Whether the server tells news by itself.
    public var canIdle: Bool { capabilities.contains("IDLE") }

    /// Lets the server tell news of the open folder; true when it has some already.
    ///
    /// Then nothing but ``news()`` and ``endIdle()`` may be asked. A server may hang up after 30 minutes of this (RFC 2177), so it is renewed before.
    public func beginIdle() throws(IMAPError) -> Bool {
        guard idleTag == nil else { throw IMAPError(.invalidConfiguration, stage: .idle, message: "the connection idles already") }
        // What came while the folder was read was told then, and is not told again.
        if let now = handle.session.pointee.imap_selection_info?.pointee.sel_exists, now != examinedCount { return true }
        handle.wire.begin(.idle, within: timeouts.command)
        let tag = nextTag()
        try send("\(tag) IDLE")
        var hasNews = false
        while true {
            switch try nextLine(of: tag) {
            case .continuation:
                idleTag = tag
                return try hasNothingBuffered ? hasNews : news() || hasNews
            case .untagged(let line): hasNews = Self.isNews(line) || hasNews
            case .done: throw IMAPError(.protocolViolation, stage: .idle, message: "the server ended IDLE at once")
            case .refused(let words): throw IMAPError(.commandRefused, stage: .idle, message: "the server refused", words: words)
            }
        }
    }

    /// Reads what the server told while idling, at least a line; true when mail came, and not only a sign of life.
    public func news() throws(IMAPError) -> Bool {
        guard let tag = idleTag else { throw IMAPError(.invalidConfiguration, stage: .idle, message: "the connection does not idle") }
        handle.wire.begin(.idle, within: timeouts.command)
        var hasNews = false
        repeat {
            switch try nextLine(of: tag) {
            case .untagged(let line): hasNews = Self.isNews(line) || hasNews
            case .continuation: continue
            case .done, .refused: throw IMAPError(.connectionLost, stage: .idle, message: "the server ended IDLE")
            }
        } while !hasNothingBuffered
        return hasNews
    }

    /// Ends it; true when mail came meanwhile.
    @discardableResult
    public func endIdle() throws(IMAPError) -> Bool {
        guard let tag = idleTag else { return false }
        idleTag = nil
        handle.wire.begin(.idle, within: timeouts.command)
        try send("DONE")
        var hasNews = false
        while true {
            switch try nextLine(of: tag) {
            case .done: return hasNews
            case .untagged(let line): hasNews = Self.isNews(line) || hasNews
            case .continuation: continue
            case .refused(let words): throw IMAPError(.commandRefused, stage: .idle, message: "the server refused", words: words)
            }
        }
    }

    /// `* 12 EXISTS`; mails that went or were read are none of our business.
    static func isNews(_ line: String) -> Bool {
        let words = line.split(separator: " ")
        return words.count >= 3 && words[0] == "*" && words[2].uppercased().hasPrefix("EXISTS")
    }
}
