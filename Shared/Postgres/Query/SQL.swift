/// A statement whose values travel as parameters: `"select name from leads where id = \(id)"` becomes `$1` and a bind.
///
/// Text can only come from literals in the source, so a statement cannot be built from input by accident.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
    /// The statement as the server sees it, with `$1`, `$2`, …
    public private(set) var text: String
    private(set) var binds: [PostgresBind]

    public init(stringLiteral value: StaticString) {
        text = value.description
        binds = []
    }

    public init(stringInterpolation interpolation: StringInterpolation) {
        text = interpolation.text
        binds = interpolation.binds
    }

    /// Collects literal text and turns values into binds.
    public struct StringInterpolation: StringInterpolationProtocol {
        var text: String
        var binds: [PostgresBind] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            text = ""
            text.reserveCapacity(literalCapacity + interpolationCount * 3)
        }

        public mutating func appendLiteral(_ literal: StaticString) {
            text += literal.description
        }

        /// A value, as a parameter.
        public mutating func appendInterpolation(_ value: some PostgresBindable) {
            append(value.postgresBind)
        }

        /// A value or NULL, as a parameter.
        public mutating func appendInterpolation<Value: PostgresBindable>(_ value: Value?) {
            append(value?.postgresBind ?? PostgresBind(type: Value.postgresType, text: nil))
        }

        /// An enumeration's raw value, as a parameter.
        public mutating func appendInterpolation<Value: RawRepresentable>(_ value: Value) where Value.RawValue: PostgresBindable {
            append(value.rawValue.postgresBind)
        }

        /// Encodes `value` as `jsonb`.
        public mutating func appendInterpolation(json value: PostgresJSON?) {
            append(PostgresBind(type: .jsonb, text: value?.text))
        }

        /// Another statement's text and parameters, renumbered.
        public mutating func appendInterpolation(_ fragment: SQL) {
            let offset = binds.count
            text += offset == 0 ? fragment.text : fragment.renumbered(by: offset)
            binds += fragment.binds
        }

        private mutating func append(_ bind: PostgresBind) {
            binds.append(bind)
            text += "$\(binds.count)"
        }
    }

    /// Shifts `$n` by `offset`; literals of the source hold no dollar signs but those of parameters.
    private func renumbered(by offset: Int) -> String {
        var result = ""
        var digits: String?
        for character in text {
            if let open = digits {
                if character.isNumber {
                    digits = open + String(character)
                    continue
                }
                result += Int(open).map { "$\($0 + offset)" } ?? "$\(open)"
                digits = nil
            }
            if character == "$" {
                digits = ""
            } else {
                result.append(character)
            }
        }
        if let open = digits { result += Int(open).map { "$\($0 + offset)" } ?? "$\(open)" }
        return result
    }
}

extension SQL {
    /// The statements one after another, separated by `separator`, with their parameters.
    public static func joined(_ fragments: [SQL], separator: StaticString) -> SQL {
        var result: SQL = ""
        for (index, fragment) in fragments.enumerated() {
            if index > 0 { result.text += separator.description }
            let offset = result.binds.count
            result.text += offset == 0 ? fragment.text : fragment.renumbered(by: offset)
            result.binds += fragment.binds
        }
        return result
    }
}
