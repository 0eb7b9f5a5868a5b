/// Which header fields a signature covers.
///
/// A name that is listed once more than the mail has it vouches that nobody added another (RFC 6376, 8.15). What a reader acts upon is listed so
/// even where the mail has none; the others only where it has one, since lists and gateways may well add them.
struct DKIMSignedHeaders {
    struct Name {
        let text: String
        let lowered: [UInt8]
        let isAlwaysListed: Bool

        init(_ text: String, always isAlwaysListed: Bool = false) {
            self.text = text
            lowered = Array(text.lowercased().utf8)
            self.isAlwaysListed = isAlwaysListed
        }
    }

    static let names = [
        Name("From", always: true), Name("To", always: true), Name("Cc", always: true), Name("Subject", always: true), Name("Date"),
        Name("Message-ID"), Name("Reply-To", always: true), Name("In-Reply-To"), Name("References"), Name("MIME-Version"), Name("Content-Type"),
        Name("Content-Transfer-Encoding"), Name("List-Unsubscribe"), Name("List-Unsubscribe-Post"), Name("List-Id"), Name("Feedback-ID"),
    ]

    /// The names in the order of the `h=` tag.
    let listed: [String]
    /// The fields in that order, as they are hashed.
    let bytes: [UInt8]

    init(_ header: DKIMHeader, of message: UnsafeBufferPointer<UInt8>) throws(DKIMError) {
        var listed: [String] = []
        listed.reserveCapacity(2 * Self.names.count)
        var output: [UInt8] = []
        output.reserveCapacity(header.bodyStart)
        for (position, name) in Self.names.enumerated() {
            var count = 0
            // The last one first (RFC 6376, 5.4.2).
            for field in header.fields.reversed() where DKIMHeader.hasName(name.lowered, field, in: message) {
                count += 1
                DKIMHeader.appendRelaxed(field, of: message, to: &output)
                output += .lineEnd
            }
            // From is the first of the names.
            guard position > 0 || count > 0 else { throw .missingFrom }
            guard count > 0 || name.isAlwaysListed else { continue }
            for _ in 0...count { listed.append(name.text) }
        }
        self.listed = listed
        bytes = output
    }
}
