/// One line of SPF from all that a domain has, with the senders that it needs; a function of values, so that merging twice changes nothing.
struct SPFMerge: Sendable, Equatable {
    /// What an include costs: the look-ups of its own record and all below it, beside itself; nil is an include that does not work.
    typealias Costs = [String: Int?]

    let line: String
    /// What a receiver has to look up for the line, as far as the costs are known.
    let lookups: Int
    /// Terms of the old records that are not in it, such as includes that no longer work.
    let dropped: [String]

    /// Whether receivers read it to its end.
    var fits: Bool { lookups <= SPFWalk.mostLookups }

    /// - Parameters:
    ///   - records: What is published, as far as it can be read.
    ///   - wanted: Mechanisms that have to be in, such as `include:_spf.example.com`; first in a new record.
    init(_ records: [SPFRecord], adding wanted: [String], costs: Costs = [:]) {
        var terms: [String] = []
        var dropped: [String] = []
        var redirect: String?
        func add(_ term: String) {
            if !terms.contains(where: { $0.lowercased() == term.lowercased() }) { terms.append(term) }
        }
        for record in records {
            for mechanism in record.mechanisms where mechanism.name != "all" {
                let isWanted = wanted.contains { $0.lowercased() == mechanism.text.lowercased() }
                if mechanism.name == "include", !isWanted, Self.isDead(mechanism.target ?? "", costs) {
                    dropped.append(mechanism.text)
                } else {
                    add(mechanism.text)
                }
            }
            guard let target = record.redirect else { continue }
            // The end of a single record may stay where it is; of several, each is only a part.
            if records.count == 1, !Self.isDead(target, costs) {
                redirect = target
            } else if Self.isDead(target, costs) {
                dropped.append("redirect=\(target)")
            } else {
                add("include:\(target)")
            }
        }
        for term in wanted { add(term) }
        let modifiers = records.flatMap(\.modifiers).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let end = redirect.map { "redirect=\($0)" } ?? Self.end(of: records)
        line = (["v=spf1"] + terms + modifiers + [end]).joined(separator: " ")
        lookups = Self.lookups(terms, redirect, costs)
        self.dropped = dropped
    }

    private static func isDead(_ target: String, _ costs: Costs) -> Bool {
        if case .some(.none) = costs[target] { true } else { false }
    }

    /// The mildest end that still says something: a line made of two must not refuse what one of them let through.
    private static func end(of records: [SPFRecord]) -> String {
        let ends = records.compactMap(\.end)
        return !ends.isEmpty && ends.count == records.count && ends.allSatisfy { $0.qualifier == .fail } ? "-all" : "~all"
    }

    private static func lookups(_ terms: [String], _ redirect: String?, _ costs: Costs) -> Int {
        let own = terms.reduce(0) { sum, term in
            let name = term.drop { "+-~?".contains($0) }.lowercased()
            if name.hasPrefix("include:") { return sum + 1 + ((costs[String(name.dropFirst(8))] ?? nil) ?? 0) }
            let needsLookup = ["a", "mx", "ptr"].contains { name == $0 || name.hasPrefix("\($0):") || name.hasPrefix("\($0)/") }
            return sum + (needsLookup || name.hasPrefix("exists:") ? 1 : 0)
        }
        return own + (redirect.map { 1 + ((costs[$0] ?? nil) ?? 0) } ?? 0)
    }
}
