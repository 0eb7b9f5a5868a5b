import Foundation

/// What tags are, whether they come in a file or a request.
enum LeadTags {
    /// Why tags are none.
    struct Fault: Error {}

    /// Of one lead.
    static let most = 50
    /// In characters.
    static let longest = 64
    /// In bytes, whatever the characters are.
    private static let longestBytes = 256

    /// Without the blanks around them, each once, in the order given; none may be empty or hold a control character.
    static func normalized(_ tags: [String]) throws(Fault) -> [String] {
        var known: Set<String> = []
        var result: [String] = []
        for tag in tags {
            let trimmed = tag.trimmingCharacters(in: .whitespacesAndNewlines)
            guard (1...longest).contains(trimmed.count), trimmed.utf8.count <= longestBytes, !trimmed.utf8.contains(where: { $0 < 0x20 }) else {
                throw Fault()
            }
            guard known.insert(trimmed).inserted else { continue }
            guard result.count < most else { throw Fault() }
            result.append(trimmed)
        }
        return result
    }

    /// As they stand in one text, divided by commas, semicolons or bars; nothing between two of these is no tag.
    static func normalized(_ text: String) throws(Fault) -> [String] {
        let parts = text.split { $0 == "," || $0 == ";" || $0 == "|" }.filter { part in part.contains(where: { !$0.isWhitespace }) }
        return try normalized(parts.map { String($0) })
    }

    /// The first ones and what is new of the others, as far as a lead takes them.
    static func union(_ tags: [String], _ others: [String]) -> [String] {
        Array((tags + others.filter { !tags.contains($0) }).prefix(most))
    }
}
