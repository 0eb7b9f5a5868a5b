/// Whether whoever asks would rather have a page than JSON (RFC 9110, section 12.5.1): browsers name HTML; mail programs and scripts do not.
enum AcceptPage {
    static func isPreferred(by header: String?) -> Bool {
        guard let header, header.utf8.count <= 1_024 else { return false }
        var (page, other) = (0.0, 0.0)
        for entry in header.split(separator: ",").prefix(32) {
            let parts = entry.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            switch parts.first {
            case "text/html", "application/xhtml+xml": page = max(page, weight)
            case "application/json", "application/problem+json": other = max(other, weight)
            default: continue
            }
        }
        return page > 0 && page >= other
    }
}
