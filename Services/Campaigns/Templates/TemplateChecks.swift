/// Something about a template that its author may not have meant.
struct TemplateWarning: Encodable, Sendable, Equatable {
    let code: String
    let detail: String
    let part: MailPart
    /// UTF-16 code units from the beginning of the part; nil where the whole part is meant.
    let position: Int?
}

extension MailTemplate {
    /// Programs fold or cut longer lines.
    static let longestSubject = 78
    /// What is behind it, Gmail hides; the unsubscribe link often is.
    static let longestHTML = 102 << 10
    private static let mostWarnings = 100

    /// What may be wrong, at most a hundred of it; none of it keeps a template from being saved.
    func warnings(customFields: Set<String>) -> [TemplateWarning] {
        var all = subjectWarnings
        for part in writtenParts { all += unknown(part, customFields) }
        all += partWarnings
        all += textLinks
        all += htmlWarnings
        return Array(all.prefix(Self.mostWarnings))
    }

    private var subjectWarnings: [TemplateWarning] {
        let values = MergeValues(
            lead: .sample(), senderName: "Ada Lovelace", senderAddress: "ada@example.com", campaignName: "Campaign", postalAddress: "1 Ice Road")
        let sample = render(values, choosing: "")
        var warnings: [TemplateWarning] = []
        if sample.subject.utf8.allSatisfy(TemplateByte.isSpace) {
            warnings.append(.init(code: "subject_empty", detail: "The subject is empty.", part: .subject, position: nil))
        } else if sample.subject.count > Self.longestSubject {
            warnings.append(
                .init(
                    code: "subject_too_long", detail: "The subject has \(sample.subject.count) characters; many programs show fewer than 60.",
                    part: .subject, position: nil))
        }
        if subject.references.contains(where: { $0.variable == .unsubscribe }) {
            warnings.append(
                .init(
                    code: "unsubscribe_link_in_subject", detail: "A subject holds no link: {{unsubscribe_url}} is left out of it.", part: .subject,
                    position: nil))
        }
        return warnings
    }

    private func unknown(_ part: MailText, _ customFields: Set<String>) -> [TemplateWarning] {
        var positions = TextPositions(part.bytes)
        var seen: Set<TemplateVariable> = []
        var warnings: [TemplateWarning] = []
        for reference in part.references where reference.variable.isUnknown(customFields: customFields) {
            guard warnings.count < Self.mostWarnings, seen.insert(reference.variable).inserted else { continue }
            warnings.append(
                .init(
                    code: "unknown_variable",
                    detail: "There is no field \(reference.variable.name): its fallback, or nothing, stands there for leads without it.",
                    part: part.part, position: positions.position(of: reference.offset)))
        }
        return warnings
    }

    /// What every form of a mail needs by law.
    private var partWarnings: [TemplateWarning] {
        var warnings: [TemplateWarning] = []
        for part in writtenParts where part.part != .subject {
            if !Self.hasUnsubscribeLink(part) {
                warnings.append(
                    .init(
                        code: "missing_unsubscribe_link", detail: "Put {{unsubscribe_url}} where it always is, whatever is chosen.", part: part.part,
                        position: nil))
            }
            if !Self.hasPostalAddress(part) {
                warnings.append(
                    .init(
                        code: "missing_postal_address", detail: "Put {{postal_address}} where it always is, whatever is chosen.", part: part.part,
                        position: nil))
            }
        }
        return warnings
    }

    private var textLinks: [TemplateWarning] {
        guard !isTextDerived else { return [] }
        var positions = TextPositions(text.bytes)
        var warnings: [TemplateWarning] = []
        for index in text.bytes.indices where TemplateByte.has("http://", at: index, in: text.bytes) && warnings.count < Self.mostWarnings {
            warnings.append(.notSecure(.text, at: positions.position(of: index)))
        }
        return warnings
    }

    private var htmlWarnings: [TemplateWarning] {
        guard let source else { return [] }
        var positions = TextPositions(source.bytes)
        var warnings: [TemplateWarning] = []
        if source.bytes.count > Self.longestHTML {
            warnings.append(
                .init(code: "html_too_long", detail: "Gmail cuts mails off behind 102 KB; make the HTML shorter.", part: .html, position: nil))
        }
        for case .tag(let tag) in source.tokens where !tag.isEnd && warnings.count < Self.mostWarnings {
            for attribute in [tag.attribute("href"), tag.attribute("src")].compactMap({ $0 }) {
                let first = attribute.value.first { source.bytes[$0] > 0x20 } ?? attribute.value.upperBound
                if TemplateByte.has("http://", at: first, in: source.bytes) {
                    warnings.append(.notSecure(.html, at: positions.position(of: attribute.value.lowerBound)))
                }
            }
            if tag.name == "img", tag.attribute("alt") == nil {
                warnings.append(
                    .init(
                        code: "image_without_alt", detail: "Say in alt what the image shows; many programs do not load images.", part: .html,
                        position: positions.position(of: tag.range.lowerBound)))
            }
        }
        return warnings
    }
}

extension TemplateWarning {
    fileprivate static func notSecure(_ part: MailPart, at position: Int) -> TemplateWarning {
        let detail = "The address begins with http://; programs warn of it or do not load it."
        return .init(code: "link_not_https", detail: detail, part: part, position: position)
    }
}
