import Contracts
import Foundation
import HTTP

/// What of the trail is in a file: the same parameters that the list takes, in a form that is kept until the file is written.
struct TrailExportFilter: Codable, Sendable, Equatable {
    var q: String?
    var actor: String?
    var action: String?
    var outcome: String?
    var target: String?
    var from: Date?
    var to: Date?

    /// The search that it stands for; a 400 that names what is wrong.
    func search() throws(Problem) -> TrailSearch {
        var parameters: [TrailSearch.Parameter] = []
        for (field, value) in named {
            guard let value else { continue }
            guard (1...200).contains(value.utf8.count), !value.utf8.contains(0) else {
                throw Problem.invalid("\(field.rawValue) takes 1 to 200 characters.", field: field.rawValue)
            }
            guard field != .outcome || ["success", "failure", "denied"].contains(value) else {
                throw Problem.invalid("outcome must be success, failure or denied.", field: "outcome")
            }
            parameters.append(TrailSearch.Parameter(field: field, value: value))
        }
        for (name, bound) in [("from", from), ("to", to)] {
            guard let bound else { continue }
            guard (0..<253_402_214_400).contains(bound.timeIntervalSince1970) else {
                throw Problem.invalid("\(name) must be an instant from 1970 to 9999.", field: name)
            }
        }
        return TrailSearch(query: try TrailSearch.query(q ?? ""), parameters: parameters, span: SearchRange(from: from, to: to), order: .seq)
    }

    private var named: [(SearchField, String?)] {
        [(.actor, actor), (.action, action), (.outcome, outcome), (.target, target)]
    }
}

extension TrailExportFilter {
    /// The filter of a list, without its order.
    init(_ search: TrailSearch) {
        func value(_ field: SearchField) -> String? { search.parameters.first { $0.field == field }?.value }
        self.init(
            q: search.query.text.isEmpty ? nil : search.query.text, actor: value(.actor), action: value(.action), outcome: value(.outcome),
            target: value(.target), from: search.span.from, to: search.span.to)
    }
}
