/// A part of the product, as the public sees it.
struct StatusPart: Sendable {
    /// Stands in answers and in the database; never changes.
    let name: String
    let title: String

    /// In the order in which they are shown.
    static let all = [
        StatusPart(name: "api", title: "API"), StatusPart(name: "smtp", title: "Mail sending (SMTP)"),
        StatusPart(name: "database", title: "Database"), StatusPart(name: "redis", title: "Redis"),
        StatusPart(name: "dashboard", title: "Dashboard"), StatusPart(name: "inbox", title: "Inbox"),
        StatusPart(name: "webhooks", title: "Webhooks"),
    ]

    static func title(of name: String) -> String {
        all.first { $0.name == name }?.title ?? name
    }
}
