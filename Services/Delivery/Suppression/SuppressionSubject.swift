import Mail

/// Whom an entry is about, as it is stored: an address in lower case, or a whole domain behind its `@`.
///
/// A domain is that name and no other: mail to a subdomain needs an entry of its own.
struct SuppressionSubject: Hashable, Sendable {
    let text: String

    /// From what a person wrote; the apostrophe that keeps a spreadsheet from taking a cell for a formula is none of the name.
    init(_ written: String) throws(MailAddressError) {
        var text = written
        if text.hasPrefix("'"), let second = text.dropFirst().first, "=+-@".contains(second) { text.removeFirst() }
        if text.hasPrefix("@") {
            // What stands before the @ is checked by every address, so this checks the domain.
            _ = try MailAddress("x" + text)
            self.text = text.lowercased()
        } else {
            self.text = try MailAddress(text, allowingUTF8: true).normalized
        }
    }

    var isDomain: Bool { text.hasPrefix("@") }

    /// What may stand on a list and blocks this address: itself, and its domain.
    static func blocking(_ address: String) -> [String] {
        guard let at = address.lastIndex(of: "@") else { return [address] }
        return [address, String(address[at...])]
    }
}
