import CEtpan
public import Logging

/// A conversation with a mailbox's server that never changes the mailbox: folders are opened by EXAMINE and mails read by BODY.PEEK, so what was
/// unread stays unread.
///
/// Runs on the threads it was given, one command at a time; after an error other than ``IMAPError/Code/commandRefused`` it is done for.
/// A blocked command ends at ``interrupt()``.
public actor IMAPConnection {
    private let lane: ReaderLane
    private nonisolated let line: IMAPLine
    let handle: IMAPHandle
    let timeouts: IMAPTimeouts
    let limits: IMAPLimits
    let server: IMAPServer
    /// In upper case.
    public internal(set) var capabilities: Set<String> = []
    private var tagNumber = 0
    /// The tag of the IDLE that is under way.
    var idleTag: String?
    /// How many mails the open folder had when it was opened.
    var examinedCount: UInt32 = 0

    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    /// For waiting until there is something to read (``SocketWatch``); good as long as the connection is.
    public nonisolated var descriptor: Int32 { line.descriptor }

    /// A connection that is greeted, encrypted as `server` says and authenticated.
    ///
    /// With a `reach` of public addresses nobody at another one is connected to, and nothing is told of whether there is one.
    public static func connect(
        to server: IMAPServer, credentials: IMAPCredentials, on threads: ReaderThreads, trust: IMAPTrust, timeouts: IMAPTimeouts = IMAPTimeouts(),
        limits: IMAPLimits = IMAPLimits(), reach: IMAPReach, logger: Logger
    ) async throws(IMAPError) -> IMAPConnection {
        let line = IMAPLine()
        let opener = Opener(lane: threads.lane())
        let result = await withTaskCancellationHandler {
            await opener.open(server, credentials, trust, timeouts, limits, reach, line)
        } onCancel: {
            line.shut()
        }
        switch result {
        case .success: logger.debug("imap connection ready", metadata: ["host": "\(server.host)", "port": "\(server.port)"])
        case .failure(let error):
            logger.debug("imap connection failed", metadata: ["host": "\(server.host)", "port": "\(server.port)", "error": "\(error)"])
        }
        return try result.get()
    }

    /// Opens on the new connection's own lane, since connecting blocks.
    private actor Opener {
        let lane: ReaderLane
        nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

        init(lane: ReaderLane) {
            self.lane = lane
        }

        func open(
            _ server: IMAPServer, _ credentials: IMAPCredentials, _ trust: IMAPTrust, _ timeouts: IMAPTimeouts, _ limits: IMAPLimits,
            _ reach: IMAPReach, _ line: IMAPLine
        ) async -> Result<IMAPConnection, IMAPError> {
            do throws(IMAPError) {
                let connection = try IMAPConnection(server, timeouts, limits, reach, lane: lane, line: line)
                try await connection.begin(credentials, trust)
                return .success(connection)
            } catch {
                return .failure(error)
            }
        }
    }

    private init(
        _ server: IMAPServer, _ timeouts: IMAPTimeouts, _ limits: IMAPLimits, _ reach: IMAPReach, lane: ReaderLane, line: IMAPLine
    ) throws(IMAPError) {
        self.lane = lane
        self.line = line
        self.server = server
        self.timeouts = timeouts
        self.limits = limits
        handle = try IMAPHandle(try Wire(server, reach: reach, timeouts: timeouts, limits: limits, line: line))
    }

    /// Ends whatever blocks on the connection, which is done for.
    public nonisolated func interrupt() {
        line.shut()
    }

    /// Asks whether the server is still there.
    public func noop() throws(IMAPError) {
        handle.wire.begin(.noop, within: timeouts.command)
        try check(mailimap_noop(handle.session), at: .noop)
    }

    /// Says goodbye, briefly.
    public func logout() {
        if idleTag != nil { _ = try? endIdle() }
        handle.wire.begin(.logout, within: timeouts.logout)
        // Closes the wire, too.
        if handle.session.pointee.imap_stream != nil { mailimap_logout(handle.session) }
        handle.wire.close()
    }

    // MARK: - The beginning

    /// From the greeting to the end of authentication.
    private func begin(_ credentials: IMAPCredentials, _ trust: IMAPTrust) throws(IMAPError) {
        handle.wire.begin(.tls, within: timeouts.greeting)
        if server.security == .tls { try handle.wire.encrypt(host: server.host, trust: trust) }
        let isKnown = try greet()
        try readCapabilities()
        if server.security == .startTLS {
            // A greeting that lets us in at once would leave no room for STARTTLS: an old way to keep a client unencrypted.
            guard !isKnown else { throw IMAPError(.tlsFailed, stage: .tls, message: "the server skips STARTTLS") }
            try startTLS(trust)
            // What was said before encryption may have been said by anybody.
            try readCapabilities()
        }
        if !isKnown {
            try authenticate(credentials)
            try readCapabilities()
        }
    }

    /// Whether the server knows us already.
    private func greet() throws(IMAPError) -> Bool {
        handle.wire.begin(.greeting, within: timeouts.greeting)
        guard let stream = WireDriver.stream(over: handle.wire) else {
            throw IMAPError(.connectFailed, stage: .greeting, message: "no memory for a stream")
        }
        let result = mailimap_connect(handle.session, stream)
        switch Int(result) {
        case MAILIMAP_NO_ERROR_AUTHENTICATED: return true
        case MAILIMAP_NO_ERROR_NON_AUTHENTICATED: return false
        default:
            if let failure = handle.wire.failure { throw failure }
            throw IMAPError(.connectFailed, stage: .greeting, message: "the server refuses connections", words: handle.wire.words)
        }
    }

    private func startTLS(_ trust: IMAPTrust) throws(IMAPError) {
        guard capabilities.contains("STARTTLS") else {
            throw IMAPError(.tlsFailed, stage: .tls, message: "the server does not offer STARTTLS")
        }
        handle.wire.begin(.tls, within: timeouts.greeting)
        try check(mailimap_starttls(handle.session), at: .tls, refusal: .tlsFailed)
        // Whatever came with the answer was not encrypted, and would be taken for what is.
        guard hasNothingBuffered else { throw IMAPError(.tlsFailed, stage: .tls, message: "the server spoke before the handshake") }
        try handle.wire.encrypt(host: server.host, trust: trust)
    }

    private func readCapabilities() throws(IMAPError) {
        handle.wire.begin(.capability, within: timeouts.command)
        var data: UnsafeMutablePointer<mailimap_capability_data>?
        try check(mailimap_capability(handle.session, &data), at: .capability)
        defer { if let data { mailimap_capability_data_free(data) } }
        capabilities = []
        for entry in CList(data?.pointee.cap_list, of: mailimap_capability.self).prefix(200) {
            let isMechanism = Int(entry.pointee.cap_type) == MAILIMAP_CAPABILITY_AUTH_TYPE
            guard let name = isMechanism ? entry.pointee.cap_data.cap_auth_type : entry.pointee.cap_data.cap_name else { continue }
            capabilities.insert((isMechanism ? "AUTH=" : "") + String(cString: name).uppercased())
        }
    }

    // MARK: - For the commands

    /// Whether nothing that came waits to be read.
    var hasNothingBuffered: Bool {
        (handle.session.pointee.imap_stream?.pointee.read_buffer_len ?? 0) == 0 && !handle.wire.hasPending
    }

    func nextTag() -> String {
        tagNumber += 1
        // libetpan's tags are bare numbers.
        return "P\(tagNumber)"
    }

    /// Sends one command whose answer libetpan keeps in the session until the next one.
    func command(
        _ text: String, at stage: IMAPStage, within limit: Duration? = nil, literals: Int = 64 << 10, total: Int = 16 << 20
    ) throws(IMAPError) {
        guard idleTag == nil else { throw IMAPError(.invalidConfiguration, stage: stage, message: "the connection idles") }
        handle.wire.begin(stage, within: limit ?? timeouts.command, literals: literals, total: total)
        try check(mailimap_custom_command(handle.session, text), at: stage)
    }

    func check(_ result: Int32, at stage: IMAPStage, refusal: IMAPError.Code = .commandRefused) throws(IMAPError) {
        guard Int(result) != MAILIMAP_NO_ERROR else { return }
        // What went wrong below tells more than what libetpan makes of it.
        if let failure = handle.wire.failure { throw failure }
        let words = handle.wire.words
        switch Int(result) {
        case MAILIMAP_ERROR_PARSE, MAILIMAP_ERROR_PROTOCOL, MAILIMAP_ERROR_FATAL, MAILIMAP_ERROR_BAD_STATE, MAILIMAP_ERROR_STREAM,
            MAILIMAP_ERROR_MEMORY:
            handle.wire.close()
            throw IMAPError(.protocolViolation, stage: stage, message: "the server's answer could not be understood", words: words)
        default: throw IMAPError(refusal, stage: stage, message: "the server refused", words: words)
        }
    }
}
