import Contracts
import Foundation

/// What a campaign's mails came to, together and by step, variant or day; the groups always sum to the totals.
struct CampaignAnalytics: Encodable, Sendable {
    struct Template: Encodable, Sendable, Equatable {
        let id: TemplateID
        let version: Int?
        /// Nil when it is gone.
        let name: String?
    }

    struct Group: Encodable, Sendable, Equatable {
        var day: String?
        var step: Int?
        /// `email`, `wait` or `condition`; only mails have figures.
        var kind: String?
        /// Whether the campaign still has it.
        var isCurrent: Bool?
        /// Those of a step's variants.
        var templates: [Template]?
        var variant: String?
        var template: Template?
        /// The part of those drawn by lot who get the variant.
        var share: Double?
        var isWinner: Bool?
        var figures: MailFigures
    }

    let campaign: CampaignID
    /// Whose days are meant.
    let zone: String
    let from: String?
    let to: String?
    let group: AnalyticsGrouping
    let totals: MailFigures
    let groups: [Group]
    /// Everybody in the campaign, whatever the days.
    let enrolments: EnrolmentCounts?
}

/// What is known of the steps that figures belong to.
struct StepNames: Sendable {
    let current: CampaignSequence
    /// The newest first.
    var earlier: [CampaignSequence] = []
    var templateNames: [TemplateID: String] = [:]
    var winners: [Int: String] = [:]

    /// Whether the current sequence knows everything that has figures.
    static func isKnown(_ rows: [StatRow], to sequence: CampaignSequence) -> Bool {
        rows.allSatisfy { row in
            guard let number = row.step else { return true }
            guard let email = sequence.step(number)?.email else { return false }
            return row.variant.map { name in email.variants.contains { $0.name == name } } ?? true
        }
    }

    /// The rows with their names: all steps or variants of the campaign in its order, then those that are no more.
    func groups(_ rows: [StatRow], by grouping: AnalyticsGrouping) -> [CampaignAnalytics.Group] {
        switch grouping {
        case .whole: []
        case .day: rows.map { CampaignAnalytics.Group(day: $0.day, figures: $0.figures) }
        case .step: steps(rows)
        case .variant: variants(rows)
        }
    }

    private func steps(_ rows: [StatRow]) -> [CampaignAnalytics.Group] {
        let known = current.steps.map { step in
            CampaignAnalytics.Group(
                step: step.number, kind: step.kind, isCurrent: true, templates: mails(of: step),
                figures: .sum(of: rows.filter { $0.step == step.number }.map(\.figures)))
        }
        let gone = rows.filter { row in row.step.map { current.step($0) == nil } ?? false }.map { row in
            let step = row.step.flatMap { number in earlier.lazy.compactMap { $0.step(number) }.first }
            return CampaignAnalytics.Group(
                step: row.step, kind: step?.kind ?? "email", isCurrent: false, templates: step.flatMap(mails(of:)), figures: row.figures)
        }
        return known + gone
    }

    private func variants(_ rows: [StatRow]) -> [CampaignAnalytics.Group] {
        var groups: [CampaignAnalytics.Group] = []
        for step in current.emailSteps {
            let variants = step.email?.variants ?? []
            let weight = Int64(variants.reduce(0) { $0 + $1.weight })
            for variant in variants {
                let mine = rows.filter { $0.step == step.number && $0.variant == variant.name }
                groups.append(
                    CampaignAnalytics.Group(
                        step: step.number, kind: step.kind, isCurrent: true, variant: variant.name, template: template(of: variant),
                        share: MailRates.part(Int64(variant.weight), of: weight), isWinner: winners[step.number] == variant.name,
                        figures: .sum(of: mine.map(\.figures))))
            }
        }
        let gone = rows.filter { !Self.isKnown([$0], to: current) }.map { row in
            let variant = earlier.lazy.compactMap { sequence in
                row.step.flatMap { sequence.step($0)?.email?.variants.first { $0.name == row.variant } }
            }.first
            return CampaignAnalytics.Group(
                step: row.step, kind: "email", isCurrent: false, variant: row.variant, template: variant.map(template(of:)),
                isWinner: row.step.map { winners[$0] == row.variant } ?? false, figures: row.figures)
        }
        return groups + gone
    }

    private func mails(of step: Step) -> [CampaignAnalytics.Template]? {
        step.email?.variants.map(template(of:))
    }

    private func template(of variant: EmailStep.Variant) -> CampaignAnalytics.Template {
        CampaignAnalytics.Template(id: variant.template, version: variant.templateVersion, name: templateNames[variant.template])
    }
}

extension Step {
    /// As the wire has it.
    var kind: String {
        switch action {
        case .email: "email"
        case .wait: "wait"
        case .condition: "condition"
        }
    }
}
