/// What a company's own field holds.
enum CustomFieldKind: String, Codable, Sendable, CaseIterable {
    case text
    case number
    case date
    case boolean
    case choice
}
