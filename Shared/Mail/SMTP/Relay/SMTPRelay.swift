import NIOSSL

/// A mail server that takes mail for others' addresses without knowing us: where it stands, and how private the way there has to be.
public struct SMTPRelay: Sendable, Hashable {
    public enum Encryption: Sendable, Hashable {
        case none
        /// Where the server offers it.
        case offered
        /// No word of a mail without it.
        case required
    }

    /// The name of its MX record.
    public var host: String
    /// One of its addresses, in digits.
    public var address: String
    public var port: Int
    /// Our own address to come from; nil leaves that to the system.
    public var source: String?
    public var encryption: Encryption
    /// Nil: whoever it is.
    public var check: PeerCheck?
    /// Whether a certificate that fails the check ends the connection; else it is only told.
    public var isCheckBinding: Bool

    public init(
        host: String, address: String, port: Int = 25, source: String? = nil, encryption: Encryption = .offered, check: PeerCheck? = nil,
        isCheckBinding: Bool = false
    ) {
        self.host = host
        self.address = address
        self.port = port
        self.source = source
        self.encryption = encryption
        self.check = check
        self.isCheckBinding = isCheckBinding
    }
}

/// Why a session between mail servers is not as private as it should be.
public enum SMTPEncryptionProblem: Sendable, Hashable {
    /// STARTTLS is not offered, or was refused.
    case notOffered
    /// The two could not agree, or the line broke on the way.
    case handshake
    case certificate(PeerProblem)
}

/// A connection to a mail server, with how private it is.
public struct SMTPRelayed: Sendable {
    public let connection: SMTPConnection
    public let isEncrypted: Bool
    /// What was wrong, and not enough to end it.
    public let problem: SMTPEncryptionProblem?
    /// Our own address, in digits.
    public let source: String?
}

/// How we encrypt to mail servers, and whom we believe about them; reads files, so make one and keep it.
public struct SMTPRelayTrust: Sendable {
    public let authorities: PeerAuthorities
    private let modern: NIOSSLContext
    private let lenient: NIOSSLContext

    public init(certificateFile: String? = nil) throws(SMTPError) {
        authorities = try PeerAuthorities(certificateFile: certificateFile)
        modern = try Self.context(.tlsv12)
        lenient = try Self.context(.tlsv1)
    }

    /// Where anything is better than nothing, old versions are, too.
    func context(for relay: SMTPRelay) -> NIOSSLContext {
        relay.encryption == .required ? modern : lenient
    }

    private static func context(_ oldest: TLSVersion) throws(SMTPError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = oldest
        // Names are looked at by the check, together with everything else; without any verification NIOSSL would not ask it.
        configuration.certificateVerification = .noHostnameVerification
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw SMTPError(.invalidConfiguration, stage: .connect, message: "TLS cannot be set up: \(error)")
        }
    }
}
