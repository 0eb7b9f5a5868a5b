import Contracts
import Foundation
import HTTP
import Postgres

/// Fixes the versions of the templates that steps name, so that what was saved stays what was saved.
struct StepTemplates: Sendable {
    let database: Database

    /// Steps whose variants name a version each: the newest where none was said. A 422 problem for a template that the workspace has not.
    /// Those that `known` steps name are taken as they are.
    func pinned(_ steps: [Step], known: [Step], in workspace: WorkspaceID, of tenant: TenantID) async throws -> [Step] {
        let kept = Set(known.flatMap { $0.email?.variants ?? [] }.compactMap(Self.content))
        let wanted = Set(steps.flatMap { $0.email?.variants ?? [] }.filter { !(Self.content($0).map(kept.contains) ?? false) }.map(\.template))
        guard !wanted.isEmpty else { return steps }
        let rows = try await database.query(
            as: tenant,
            """
            select id, version from templates
            where tenant_id = \(tenant) and id = any(\(Array(wanted))) and workspace_id = \(workspace) and deleted_at is null
            """)
        let newest = Dictionary(
            try rows.map { (try $0.decode("id", as: TemplateID.self), try $0.decode("version", as: Int.self)) }
        ) { first, _ in first }
        return try steps.map { step in
            guard let email = step.email else { return step }
            let variants = try email.variants.map { variant in
                if let content = Self.content(variant), kept.contains(content) { return variant }
                guard let version = newest[variant.template], (variant.templateVersion ?? 1) <= version, (variant.templateVersion ?? 1) >= 1 else {
                    throw HTTP.Problem.unprocessable(kind: "template_not_found", title: "The workspace has no such template, or no such version.")
                }
                var pinned = variant
                pinned.templateVersion = variant.templateVersion ?? version
                return pinned
            }
            return Step(
                number: step.number, action: .email(EmailStep(variants: variants, test: email.test, startsThread: email.startsThread)),
                next: step.next)
        }
    }

    private static func content(_ variant: EmailStep.Variant) -> HandOver.Content? {
        variant.templateVersion.map { HandOver.Content(template: variant.template, version: $0) }
    }
}
