/// Finds the header of a mail that somebody put into the text of another, as old mail servers do when they return one.
enum QuotedHeader {
    /// Fields that only a mail's own header has: what mail programs put above a quotation when a person answers has none of them.
    private static let telling: Set<String> = ["message-id", "received", "return-path", "mime-version", "dkim-signature"]

    /// Empty when there is none.
    static func find(in text: String, limits: MIMELimits) -> [ParsedMail.Field] {
        var block: [Substring] = []
        var starts = 0
        var tells = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if (line.utf8.first == 0x20 || line.utf8.first == 0x09) && !block.isEmpty && line.contains(where: { $0 != " " && $0 != "\t" }) {
                if block.count < limits.fields { block.append(line) }
            } else if let start = FieldText.start(of: line) {
                if block.count < limits.fields { block.append(line) }
                starts += 1
                if telling.contains(start.name) { tells = true }
            } else {
                if tells, starts >= 3 { break }
                block.removeAll(keepingCapacity: true)
                starts = 0
                tells = false
            }
        }
        guard tells, starts >= 3 else { return [] }
        return FieldText.header(block.joined(separator: "\n"), limits: limits)
    }
}
