/// Judges a call's parameters by the specification, as Stripe does: what it does not know it refuses.
enum StripeParameterCheck {
    private static let rules = StripeSpecification.operations.mapValues(StripeParameterRule.parse)

    /// The parameters with numbers, truths and lists for what they are; nil for an operation that is not in the table.
    static func check(_ fields: [(String, String)], of operation: String) throws(StripeRefusal) -> DoubleJSON? {
        guard let rules = Self.rules[operation] else { return nil }
        return try members(try StripeFormTree(fields), rules, at: "")
    }

    private static func members(
        _ tree: StripeFormTree, _ rules: [String: StripeParameterRule], at place: String
    ) throws(StripeRefusal) -> DoubleJSON {
        guard case .members(let given) = tree else { throw .invalid("Invalid object", code: "parameter_invalid", parameter: place) }
        var known: [String: DoubleJSON] = [:]
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            let inner = place.isEmpty ? name : "\(place)[\(name)]"
            guard let rule = rules[name] else {
                throw .invalid("Received unknown parameter: \(inner)", code: "parameter_unknown", parameter: inner)
            }
            if value == StripeFormTree.value(""), rule.isClearable {
                known[name] = ""
            } else {
                known[name] = try check(value, rule.shape, at: inner)
            }
        }
        for (name, rule) in rules where rule.isRequired && given[name] == nil {
            let inner = place.isEmpty ? name : "\(place)[\(name)]"
            throw .invalid("Missing required param: \(inner).", code: "parameter_missing", parameter: inner)
        }
        return .map(known)
    }

    private static func check(_ tree: StripeFormTree, _ shape: StripeParameterRule.Shape, at place: String) throws(StripeRefusal) -> DoubleJSON {
        switch (shape, tree) {
        case (.anything, .members(let given)):
            var free: [String: DoubleJSON] = [:]
            for (name, value) in given { free[name] = try check(value, .anything, at: "\(place)[\(name)]") }
            return .map(free)
        case (.anything, .value(let text)): return .text(text)
        case (.members(let rules, _), .members): return try members(tree, rules, at: place)
        case (.members(_, orValue: true), .value(let text)): return try scalar(text, .integer, at: place)
        case (.list(let element), .members(let given)):
            var elements: [(Int, DoubleJSON)] = []
            for (name, value) in given {
                guard let index = Int(name) else { throw .invalid("Invalid array", code: "parameter_invalid", parameter: place) }
                elements.append((index, try check(value, element, at: "\(place)[\(name)]")))
            }
            return .list(elements.sorted { $0.0 < $1.0 }.map(\.1))
        case (_, .value(let text)): return try scalar(text, shape, at: place)
        default: throw .invalid("Invalid parameter: \(place)", code: "parameter_invalid", parameter: place)
        }
    }

    private static func scalar(_ text: String, _ shape: StripeParameterRule.Shape, at place: String) throws(StripeRefusal) -> DoubleJSON {
        if text.isEmpty {
            throw .invalid(
                "You passed an empty string for '\(place)'. We assume empty values are an attempt to unset a parameter; however '\(place)' "
                    + "cannot be unset.", code: "parameter_invalid_empty", parameter: place)
        }
        switch shape {
        case .text: return .text(text)
        case .integer:
            guard let number = Int64(text) else {
                throw .invalid("Invalid integer: \(text)", code: "parameter_invalid_integer", parameter: place)
            }
            return .integer(number)
        case .decimal:
            guard Double(text) != nil else { throw .invalid("Invalid decimal: \(text)", code: "parameter_invalid", parameter: place) }
            return Int64(text).map { DoubleJSON.integer($0) } ?? .text(text)
        case .boolean:
            guard let truth = Bool(text) else { throw .invalid("Invalid boolean: \(text)", code: "parameter_invalid", parameter: place) }
            return .boolean(truth)
        case .word(let words, let other):
            if words.contains(text) { return .text(text) }
            if let other { return try scalar(text, other, at: place) }
            throw .invalid(
                "Invalid \(place): must be one of \(words.joined(separator: ", "))", code: "parameter_invalid_enum", parameter: place)
        case .list, .members, .anything: throw .invalid("Invalid parameter: \(place)", code: "parameter_invalid", parameter: place)
        }
    }
}
