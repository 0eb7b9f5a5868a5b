import Foundation

/// The fields of a small form, in either of the forms in which browsers and mail programs send one.
struct PreferenceForm: Sendable, Equatable {
    private(set) var fields: [String: String] = [:]

    static let largest = 8 * 1_024

    /// What cannot be read has no fields.
    init(_ body: Data, contentType: String?) {
        let type = contentType ?? ""
        if type.lowercased().hasPrefix("multipart/form-data") {
            guard let boundary = Self.boundary(of: type) else { return }
            readParts(String(decoding: body, as: UTF8.self), boundary)
        } else {
            readPairs(String(decoding: body, as: UTF8.self))
        }
    }

    /// RFC 8058: the one pair that such a request consists of.
    var isOneClick: Bool { fields["list-unsubscribe"]?.lowercased() == "one-click" }

    var choice: PreferenceChoice? { fields["choice"].flatMap(PreferenceChoice.init) }

    /// Of a name that stands twice the first counts.
    private mutating func set(_ name: String, _ value: String) {
        let name = name.lowercased()
        if fields[name] == nil, fields.count < 16 { fields[name] = value.trimmingCharacters(in: .whitespacesAndNewlines) }
    }

    private mutating func readPairs(_ text: String) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let decoded = parts.map { $0.replacing("+", with: " ").removingPercentEncoding ?? "" }
            set(decoded[0].trimmingCharacters(in: .whitespacesAndNewlines), decoded[1])
        }
    }

    private mutating func readParts(_ text: String, _ boundary: String) {
        // Lines end as they like.
        let lines = text.replacing("\r\n", with: "\n")
        for part in lines.split(separator: "--\(boundary)").prefix(16) {
            guard let end = part.firstRange(of: "\n\n") else { continue }
            let headers = part[..<end.lowerBound].lowercased()
            guard let start = headers.firstRange(of: "name=") else { continue }
            let rest = headers[start.upperBound...].drop { $0 == "\"" }
            let name = rest.prefix { $0 != "\"" && $0 != ";" && !$0.isNewline }
            set(String(name), String(part[end.upperBound...]))
        }
    }

    private static func boundary(of type: String) -> String? {
        guard let start = type.range(of: "boundary=", options: .caseInsensitive) else { return nil }
        let value = type[start.upperBound...].drop { $0 == "\"" }.prefix { $0 != "\"" && $0 != ";" && $0 != " " }
        return (1...70).contains(value.count) ? String(value) : nil
    }
}
