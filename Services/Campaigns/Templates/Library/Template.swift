import Contracts
import Foundation

/// What a template says; of text and HTML one may be missing.
struct TemplateContent: Codable, Sendable, Equatable {
    let subject: String
    let text: String?
    let html: String?
}

/// A template in its newest version.
struct Template: Codable, Sendable, Equatable {
    let id: TemplateID
    let workspace: WorkspaceID
    let name: String
    let version: Int
    /// Raised with each change.
    let revision: Int64
    let subject: String
    /// Nil: it is derived from the HTML.
    let text: String?
    let html: String?
    let createdAt: Date
    let updatedAt: Date

    var content: TemplateContent { TemplateContent(subject: subject, text: text, html: html) }

    /// The template with a new version of what it says.
    func changed(name: String, content: TemplateContent, at instant: Date) -> Template {
        Template(
            id: id, workspace: workspace, name: name, version: version + 1, revision: revision + 1, subject: content.subject, text: content.text,
            html: content.html, createdAt: createdAt, updatedAt: instant)
    }
}

/// A template as a list shows it.
struct TemplateSummary: Codable, Sendable, Equatable {
    let id: TemplateID
    let workspace: WorkspaceID
    let name: String
    let version: Int
    let revision: Int64
    let subject: String
    let createdAt: Date
    let updatedAt: Date
}

/// A version, which never changes; in lists without what it says beyond the subject.
struct TemplateVersion: Codable, Sendable, Equatable {
    let version: Int
    let subject: String
    let text: String?
    let html: String?
    let createdAt: Date
    let createdBy: UserID?
    /// The version that it says again.
    let restoredFrom: Int?

    var content: TemplateContent { TemplateContent(subject: subject, text: text, html: html) }
}
