import DNS
import Foundation

/// What a domain wants of whoever sends it mail (RFC 8461): encrypted, and to which servers.
struct MTASTSPolicy: Sendable, Equatable {
    enum Mode: String, Sendable, Codable, CaseIterable {
        case enforce
        /// Whoever sends only counts what would have failed.
        case testing
        case none
    }

    /// Servers a policy may name, and its lines: nobody has more.
    static let mostHosts = 64
    /// A year; more counts as that.
    static let longestAge = 31_557_600

    let mode: Mode
    /// Names, or everything one label below a name that stands behind `*.`; in lower case.
    let mx: [String]
    /// Seconds.
    let maxAge: Int
    /// As they stand in the file.
    let lines: [String]

    /// Why a file is no policy.
    struct Malformed: Error, Equatable {
        let reason: String
    }

    init(mode: Mode, mx: [String], maxAge: Int, lines: [String]) {
        self.mode = mode
        self.mx = mx
        self.maxAge = maxAge
        self.lines = lines
    }

    /// Reads a policy file; of a key that stands there twice the first counts, but for `mx`.
    init(file: String) throws(Malformed) {
        // In Swift CRLF is one character, which is no "\n".
        let lines = file.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        guard lines.count <= 256 else { throw Malformed(reason: "the policy has too many lines") }
        var values: [String: String] = [:]
        var mx: [String] = []
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw Malformed(reason: "a line has no colon") }
            let key = parts[0].trimmingCharacters(in: .whitespaces)
            let value = parts[1].trimmingCharacters(in: .whitespaces)
            if key == "mx" {
                guard let name = Self.pattern(value) else { throw Malformed(reason: "mx is not the name of a server") }
                mx.append(name)
            } else if values[key] == nil {
                values[key] = value
            }
        }
        guard values["version"] == "STSv1" else { throw Malformed(reason: "the version is not STSv1") }
        guard let mode = values["mode"].flatMap(Mode.init) else { throw Malformed(reason: "the mode is not one of enforce, testing and none") }
        guard let text = values["max_age"], (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let maxAge = Int(text)
        else { throw Malformed(reason: "max_age is not a number of seconds") }
        guard mode == .none || !mx.isEmpty, mx.count <= Self.mostHosts else { throw Malformed(reason: "the policy names no server, or too many") }
        self.init(mode: mode, mx: mx, maxAge: min(maxAge, Self.longestAge), lines: lines.map { String($0.prefix(300)) })
    }

    private static func pattern(_ text: String) -> String? {
        let isWide = text.hasPrefix("*.")
        return DNSName.normalized(isWide ? String(text.dropFirst(2)) : text).map { isWide ? "*." + $0 : $0 }
    }

    /// Whether the policy has this server among its own.
    func names(_ host: String) -> Bool {
        let host = host.lowercased()
        return mx.contains { pattern in
            guard pattern.hasPrefix("*.") else { return pattern == host }
            // One label stands for the asterisk, and no more.
            guard let dot = host.firstIndex(of: ".") else { return false }
            return host[dot...] == pattern.dropFirst()
        }
    }

    /// The identifier in a domain's `_mta-sts` record; nil unless there is exactly one record of this kind, and it is well formed.
    static func identifier(in texts: [String]) -> String? {
        let records = texts.filter { text in
            text.split(separator: ";", maxSplits: 1).first.map { $0.trimmingCharacters(in: .whitespaces) == "v=STSv1" } ?? false
        }
        guard records.count == 1 else { return nil }
        let fields = records[0].split(separator: ";").dropFirst().map { $0.trimmingCharacters(in: .whitespaces) }
        guard let value = fields.first(where: { $0.hasPrefix("id=") })?.dropFirst(3), (1...32).contains(value.utf8.count),
            value.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) })
        else { return nil }
        return String(value)
    }
}
