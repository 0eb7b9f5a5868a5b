import Foundation

/// A message as Python's `email` package reads it.
struct ParsedMail: Decodable, Equatable {
    struct Address: Decodable, Equatable {
        var name: String
        var address: String
    }

    var subject: String
    var from: [Address]
    var to: [Address]
    var replyTo: [Address]
    var date: String
    var messageIdentifier: String
    var unsubscribe: String
    var unsubscribePost: String
    var references: String
    var type: String
    var text: String
    var html: String?
    var defects: [String]

    static func parse(_ bytes: [UInt8]) async throws -> ParsedMail {
        let output = try await Command.run("python3", ["-c", script], input: Data(bytes))
        return try JSONDecoder().decode(ParsedMail.self, from: output)
    }

    private static let script = """
        import email, email.header, email.policy, email.utils, json, sys
        bytes = sys.stdin.buffer.read()
        message = email.message_from_bytes(bytes, policy=email.policy.default)
        # The newer parser puts blanks between the encoded words of a display name, against RFC 2047.
        older = email.message_from_bytes(bytes)
        def addresses(header):
            pairs = email.utils.getaddresses(older.get_all(header, []))
            return [{"name": str(email.header.make_header(email.header.decode_header(name))), "address": address} for name, address in pairs]
        def body(kind):
            part = message.get_body((kind,))
            return part.get_content().replace("\\r\\n", "\\n") if part else None
        defects = [str(d) for part in message.walk() for d in part.defects]
        defects += [str(d) for part in message.walk() for h in part.values() for d in getattr(h, "defects", [])]
        json.dump({
            "subject": message["Subject"], "from": addresses("From"), "to": addresses("To"), "replyTo": addresses("Reply-To"),
            "date": message["Date"].datetime.isoformat(), "messageIdentifier": message["Message-ID"],
            "unsubscribe": message["List-Unsubscribe"] or "", "unsubscribePost": message["List-Unsubscribe-Post"] or "",
            "references": message["References"] or "", "type": message.get_content_type(),
            "text": body("plain"), "html": body("html"), "defects": defects}, sys.stdout)
        """
}
