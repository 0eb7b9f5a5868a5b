import Foundation

/// Parameters as Stripe reads them: a form whose names nest in brackets, `line_items[0][price]=price_1`.
enum StripeForm {
    /// The same parameters are always the same text: names in order of their bytes, lists in their own.
    static func encode(_ parameters: StripeParameters) -> String {
        var fields: [(String, String)] = []
        append(.map(parameters.map { ($0.key, $0.value) }), as: "", to: &fields)
        return fields.map { "\(escape($0.0))=\(escape($0.1))" }.joined(separator: "&")
    }

    private static func append(_ value: StripeValue, as name: String, to fields: inout [(String, String)]) {
        switch value {
        case .text(let text): fields.append((name, text))
        case .integer(let number): fields.append((name, String(number)))
        case .boolean(let truth): fields.append((name, truth ? "true" : "false"))
        case .list(let values):
            for (index, element) in values.enumerated() { append(element, as: "\(name)[\(index)]", to: &fields) }
        case .map(let members):
            for (key, member) in members.sorted(by: { $0.0 < $1.0 }) {
                append(member, as: name.isEmpty ? key : "\(name)[\(key)]", to: &fields)
            }
        }
    }

    private static let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    private static func escape(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }
}
