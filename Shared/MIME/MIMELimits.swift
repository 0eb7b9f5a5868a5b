/// How much of a mail is read; what lies beyond is left out, only the size of the whole is an error.
public struct MIMELimits: Sendable, Equatable {
    /// Of the whole, in bytes.
    public var size = 25 * 1_024 * 1_024
    public var parts = 200
    public var depth = 20
    /// Of one header.
    public var fields = 1_000
    /// Of one field, with its name.
    public var fieldBytes = 32 * 1_024
    /// Of all headers together, those of parts and enclosed mails too.
    public var headerBytes = 1_024 * 1_024
    /// In all fields of addresses together.
    public var addresses = 2_000
    public var attachments = 100
    /// Of what is kept of the text, in bytes of UTF-8.
    public var text = 256 * 1_024
    public var html = 512 * 1_024
    /// Of a machine-readable report or an enclosed header.
    public var report = 256 * 1_024

    public init() {}
}
