public import Configuration

/// One setting of a service: its name, what it is for, and what holds when nobody sets it.
public struct ConfigurationKey: Sendable {
    /// `postgres.host`; in the environment `POSTGRES_HOST`, on the command line `--postgres-host`.
    public let name: String
    public let summary: String
    /// Nil: the service does not start without it.
    public let fallback: String?
    /// Never printed or logged.
    public let isSecret: Bool

    public init(_ name: String, _ summary: String, default fallback: String? = nil, isSecret: Bool = false) {
        self.name = name
        self.summary = summary
        self.fallback = fallback
        self.isSecret = isSecret
    }

    var environmentName: String {
        name.uppercased().split(separator: ".").joined(separator: "_")
    }
}

/// Reads the settings a service declared; everything that is missing or malformed is named at once.
public struct Settings: Sendable {
    private let values: [String: String]

    /// Throws ``SettingsError`` with every required key that has no value.
    public init(_ reader: ConfigReader, keys: [ConfigurationKey]) throws(SettingsError) {
        var values: [String: String] = [:]
        var problems: [String] = []
        for key in keys {
            if let value = reader.string(forKey: Configuration.ConfigKey(key.name), isSecret: key.isSecret), !value.isEmpty {
                values[key.name] = value
            } else if let fallback = key.fallback {
                values[key.name] = fallback
            } else {
                problems.append("\(key.environmentName) is missing: \(key.summary)")
            }
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        self.values = values
    }

    /// The value of a declared key; the empty string only when that is its default.
    public subscript(name: String) -> String {
        guard let value = values[name] else { preconditionFailure("the setting \(name) was not declared") }
        return value
    }

    /// The value as a number in `range`, or an error that says what it should be.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        guard let value = Int(self[name]), range.contains(value) else {
            throw SettingsError(problems: ["\(name) must be a number from \(range.lowerBound) to \(range.upperBound)"])
        }
        return value
    }
}

/// What is wrong with a service's settings, all of it.
public struct SettingsError: Error, Sendable, CustomStringConvertible {
    public let problems: [String]

    public init(problems: [String]) {
        self.problems = problems
    }

    public var description: String { problems.joined(separator: "\n") }
}
