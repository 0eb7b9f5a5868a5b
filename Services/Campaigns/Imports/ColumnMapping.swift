import Foundation
import HTTP
import Mail

/// Which column of a file is what: guessed from header and content, or as the caller said.
struct ColumnMapping: Sendable, Equatable {
    enum Target: Sendable, Hashable {
        case email
        case firstName
        case lastName
        case company
        case timeZone
        case tags
        /// Kept under this key.
        case custom(String)
        case skip
    }

    struct Column: Sendable, Equatable {
        let header: String
        var target: Target
        /// How sure the guess is, from 0 to 1.
        var confidence: Double
        /// What a typed field takes; nil for text and for fields that the company has not named.
        var rule: FieldRule?
    }

    static let maximumColumns = 1_000
    private static let longestHeader = 200

    let hasHeader: Bool
    private(set) var columns: [Column]
    /// The headers' keys, in the order of the columns.
    private let keys: [String]

    /// Guesses from the first records: one without an e-mail address in any field is the header.
    init(sample: [[String]], fields: [FieldRule]) {
        let first = sample.first ?? []
        hasHeader = !first.contains(where: Self.isAddress)
        let rules = Self.byKey(fields)
        // A file of rejected rows, corrected: before the record stands what was wrong with it.
        let noted = hasHeader && first.prefix(3).elementsEqual(RejectedFile.notes) ? RejectedFile.notes.count : 0
        var taken: Set<Target> = []
        var columns: [Column] = []
        var keys: [String] = []
        for (index, text) in first.enumerated() {
            let header = hasHeader ? Self.cut(text.trimmingCharacters(in: .whitespacesAndNewlines)) : "column_\(index + 1)"
            let key = Self.key(header)
            keys.append(key)
            guard index >= noted else {
                columns.append(Column(header: header, target: .skip, confidence: 1))
                continue
            }
            var column = Self.guess(header: header, key: key, number: index + 1, rules: rules)
            if !taken.insert(column.target).inserted {
                // Of two columns that look alike the second is kept beside the first.
                var own = Self.ownField(key, number: index + 1)
                if !taken.insert(own).inserted { own = .custom("\(key.prefix(56))_\(index + 1)") }
                column = Column(header: header, target: own, confidence: 0.2)
            }
            columns.append(column)
        }
        self.columns = columns
        self.keys = keys
        guard !hasEmail, let (index, share) = Self.addressColumn(hasHeader ? sample.dropFirst() : sample[...], count: first.count) else { return }
        self.columns[index].target = .email
        self.columns[index].rule = nil
        self.columns[index].confidence = share
    }

    /// Whether some column is the e-mail address.
    var hasEmail: Bool { columns.contains { $0.target == .email } }

    /// Takes over what the caller said in a JSON object of column (header, or number from 0) to target; columns it does not name are left out.
    mutating func apply(_ given: String, fields: [FieldRule]) throws(HTTP.Problem) {
        guard let wanted = try? JSONDecoder().decode([String: String].self, from: Data(given.utf8)) else {
            throw Self.invalid("mapping must be a JSON object of column to target.", column: nil)
        }
        for index in columns.indices { columns[index].target = .skip }
        var taken: Set<Target> = []
        var named: Set<Int> = []
        for (name, text) in wanted.sorted(by: { $0.key < $1.key }) {
            guard let index = position(of: name) else { throw Self.invalid("The file has no column \(name.prefix(100)).", column: name) }
            guard let target = Target(name: text) else {
                throw Self.invalid("\(text.prefix(100)) is no target; take one of \(Target.names).", column: name)
            }
            guard named.insert(index).inserted else { throw Self.invalid("The column \(name.prefix(100)) is named twice.", column: name) }
            guard target == .skip || taken.insert(target).inserted else {
                throw Self.invalid("Another column is \(text.prefix(100)) already.", column: name)
            }
            columns[index].target = target
            columns[index].confidence = 1
            columns[index].rule = if case .custom(let key) = target { fields.first { $0.key == key && $0.isTyped } } else { nil }
        }
        guard hasEmail else { throw Self.invalid("No column is mapped to email.", column: nil) }
    }

    /// A header as it stands, then as it is read, then a number.
    private func position(of name: String) -> Int? {
        let header = Self.cut(name)
        if let exact = columns.firstIndex(where: { $0.header == header }) { return exact }
        if let number = Int(name) { return columns.indices.contains(number) ? number : nil }
        let key = Self.key(header)
        return key.isEmpty ? nil : keys.firstIndex(of: key)
    }

    private static func invalid(_ detail: String, column: String?) -> HTTP.Problem {
        .unprocessable(
            kind: "import_mapping_invalid", title: "The mapping of columns cannot be used.", detail: detail,
            extensions: column.map { ["column": .text(String($0.prefix(200)))] } ?? [:])
    }

    // MARK: - Guessing

    /// The company's fields by what a header may call them: their keys, and their names in the same form.
    private static func byKey(_ fields: [FieldRule]) -> [String: FieldRule] {
        var rules: [String: FieldRule] = [:]
        for field in fields {
            for key in [field.key, Self.key(field.name)] where !key.isEmpty && rules[key] == nil { rules[key] = field }
        }
        return rules
    }

    private static func guess(header: String, key: String, number: Int, rules: [String: FieldRule]) -> Column {
        if let field = rules[key] {
            return Column(header: header, target: .custom(field.key), confidence: 1, rule: field.isTyped ? field : nil)
        }
        if let target = Target.synonyms[key] { return Column(header: header, target: target, confidence: key == target.name ? 1 : 0.9) }
        return Column(header: header, target: ownField(key, number: number), confidence: 0.2)
    }

    private static func ownField(_ key: String, number: Int) -> Target {
        .custom(key.isEmpty ? "column_\(number)" : key)
    }

    /// The column most of whose values are addresses; at least four in five where the header says nothing of it.
    private static func addressColumn(_ rows: ArraySlice<[String]>, count: Int) -> (index: Int, share: Double)? {
        var best: (index: Int, share: Double)?
        for index in 0..<count {
            let values = rows.compactMap { index < $0.count && !$0[index].isEmpty ? $0[index] : nil }
            guard !values.isEmpty else { continue }
            let share = Double(values.count(where: isAddress)) / Double(values.count)
            if share > best?.share ?? 0 { best = (index, share) }
        }
        return best.flatMap { $0.share >= 0.8 || rows.startIndex == 0 ? $0 : nil }
    }

    private static func isAddress(_ text: String) -> Bool {
        (try? MailAddress(text)) != nil
    }

    /// As much of a header as is kept and looked at.
    private static func cut(_ header: String) -> String {
        guard header.utf8.count > longestHeader else { return header }
        // A character may be of any length.
        return String(decoding: header.prefix(longestHeader).utf8.prefix(4 * longestHeader), as: UTF8.self)
    }

    /// `First Name` → `first_name`.
    static func key(_ name: String) -> String {
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }
        return String(words.joined(separator: "_").prefix(64))
    }
}

/// One of the company's own fields, as an import sees it.
struct FieldRule: Sendable, Equatable {
    let key: String
    let name: String
    let kind: String
    let choices: [String]

    var isTyped: Bool { kind != "text" }
}
