/// Which of the languages that there are a reader would rather have (RFC 9110, section 12.5.4).
enum AcceptLanguage {
    /// The best by weight, then by the reader's order; the first of `known` when none fits.
    static func best(of known: [String], for header: String?) -> String {
        let fallback = known.first ?? "en"
        guard let header, header.utf8.count <= 1_024 else { return fallback }
        var best: (language: String, weight: Double)?
        for entry in header.split(separator: ",").prefix(32) {
            let parts = entry.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard let range = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            let primary = range.split(separator: "-").first.map(String.init) ?? ""
            let language = range == "*" ? fallback : primary
            guard weight > 0, known.contains(language), weight > best?.weight ?? 0 else { continue }
            best = (language, weight)
        }
        return best?.language ?? fallback
    }
}
