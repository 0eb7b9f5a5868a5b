/// Why the double refuses a call, in Stripe's words.
struct StripeRefusal: Error, Equatable {
    let status: Int
    let message: String
    var code: String?
    var parameter: String?
    var type = "invalid_request_error"

    var body: DoubleJSON {
        var error: DoubleJSON = ["type": .text(type), "message": .text(message)]
        if let code { error["code"] = .text(code) }
        if let parameter { error["param"] = .text(parameter) }
        return ["error": error]
    }

    static func invalid(_ message: String, code: String? = nil, parameter: String? = nil) -> StripeRefusal {
        StripeRefusal(status: 400, message: message, code: code, parameter: parameter)
    }

    static func missing(_ what: String, parameter: String, status: Int = 400) -> StripeRefusal {
        StripeRefusal(status: status, message: "No such \(what)", code: "resource_missing", parameter: parameter)
    }
}

/// What one parameter may be.
struct StripeParameterRule: Sendable {
    indirect enum Shape: Sendable {
        case text, integer, boolean, decimal
        /// A word of a set, or beside it what `other` says.
        case word([String], other: Shape?)
        case list(Shape)
        case members([String: StripeParameterRule], orValue: Bool)
        case anything
    }

    let isRequired: Bool
    let isClearable: Bool
    let shape: Shape

    /// Reads the notation of ``StripeSpecification``.
    static func parse(_ notation: String) -> [String: StripeParameterRule] {
        var reader = Reader(bytes: Array(notation.utf8))
        return reader.members()
    }

    private struct Reader {
        let bytes: [UInt8]
        var index = 0

        mutating func takes(_ character: Character) -> Bool {
            guard index < bytes.count, bytes[index] == character.asciiValue else { return false }
            index += 1
            return true
        }

        mutating func word() -> String {
            let start = index
            while index < bytes.count, !" \n{}!~#?%=[]|".utf8.contains(bytes[index]) { index += 1 }
            return String(decoding: bytes[start..<index], as: UTF8.self)
        }

        /// Up to the closing brace, or the end.
        mutating func members() -> [String: StripeParameterRule] {
            var members: [String: StripeParameterRule] = [:]
            while true {
                while takes(" ") || takes("\n") {}
                if index == bytes.count || takes("}") { return members }
                let name = word()
                let (isRequired, isClearable) = (takes("!"), takes("~"))
                members[name] = StripeParameterRule(isRequired: isRequired, isClearable: isClearable, shape: shape())
            }
        }

        mutating func shape() -> Shape {
            if takes("[") {
                _ = takes("]")
                return .list(shape())
            }
            if takes("{") {
                if takes("*") {
                    _ = takes("}")
                    return .anything
                }
                let inner = self.members()
                return .members(inner, orValue: takes("|"))
            }
            let plain: Shape? = takes("#") ? .integer : takes("?") ? .boolean : takes("%") ? .decimal : nil
            guard takes("=") else { return plain ?? .text }
            var words = [word()]
            while takes("|") { words.append(word()) }
            return .word(words, other: plain)
        }
    }
}

/// A form's fields as the tree that their names describe.
indirect enum StripeFormTree: Equatable {
    case value(String)
    case members([String: StripeFormTree])

    /// `a[b][0]=v` under `a`, `b`, `0`; `a[]=v` counts by itself.
    init(_ fields: [(String, String)]) throws(StripeRefusal) {
        self = .members([:])
        for (name, value) in fields {
            let path = name.split(separator: "[", omittingEmptySubsequences: false).map { $0.hasSuffix("]") ? String($0.dropLast()) : String($0) }
            try insert(value, at: path[...], of: name)
        }
    }

    private mutating func insert(_ value: String, at path: ArraySlice<String>, of name: String) throws(StripeRefusal) {
        guard let first = path.first else {
            self = .value(value)
            return
        }
        guard case .members(var members) = self else {
            throw .invalid("Invalid parameter: \(name)", code: "parameter_unknown", parameter: name)
        }
        let key = first.isEmpty ? String(members.count) : first
        var inner = members[key] ?? .members([:])
        try inner.insert(value, at: path.dropFirst(), of: name)
        members[key] = inner
        self = .members(members)
    }
}
