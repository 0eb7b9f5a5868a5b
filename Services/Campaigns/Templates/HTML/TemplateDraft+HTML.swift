extension TemplateDraft {
    /// Takes HTML apart: each variable knows where it stands, and where a value could do more than be read none may stand.
    init(html: HTMLSource) throws(TemplateFault) {
        var scanner = TemplateScanner(html.bytes, isMarkup: true)
        for token in html.tokens {
            switch token {
            case .text(let range): try scanner.text(range)
            case .characters(let range): try scanner.value(range, isURL: false)
            case .raw(let range): try scanner.refused(range, of: html, "in a script or a style sheet, where it could do more than be read")
            case .comment(let range): try scanner.refused(range, of: html, "in a comment, which nobody reads; take it out or write \"{ {\"")
            case .tag(let tag): try scanner.tag(tag, of: html)
            }
        }
        self = scanner.draft
    }
}

extension HTMLAttribute {
    private static let addresses: Set<String> = [
        "href", "src", "action", "formaction", "background", "cite", "poster", "longdesc", "data", "xlink:href",
    ]
    private static let active: Set<String> = ["style", "srcdoc", "srcset", "imagesrcset", "content", "http-equiv", "ping"]

    /// Whether its value is where a link leads or an image comes from.
    var isAddress: Bool { Self.addresses.contains(name) }

    /// Whether its value is a program, a style or a list of addresses.
    var isActive: Bool { name.hasPrefix("on") || Self.active.contains(name) }
}

extension TemplateScanner {
    /// Literal text that must not hold a variable.
    fileprivate mutating func refused(_ range: Range<Int>, of html: HTMLSource, _ place: String) throws(TemplateFault) {
        if let offset = Self.firstVariable(in: range, of: html.bytes) {
            throw TemplateFault(message: "A variable cannot stand \(place).", offset: offset)
        }
        literal(range)
    }

    fileprivate mutating func tag(_ tag: HTMLTag, of html: HTMLSource) throws(TemplateFault) {
        var written = tag.range.lowerBound
        try refuse(in: tag.nameRange, of: html)
        for attribute in tag.attributes {
            try refuse(in: attribute.nameRange, of: html)
            guard let offset = Self.firstVariable(in: attribute.value, of: html.bytes) else { continue }
            let name = attribute.name.prefix(40)
            guard attribute.isQuoted else {
                throw TemplateFault(message: "Put the value of \(name) into quotes: \(name)=\"…\".", offset: offset)
            }
            guard !attribute.isActive else {
                throw TemplateFault(message: "A variable cannot stand in the attribute \(name); write its value out.", offset: offset)
            }
            literal(written..<attribute.value.lowerBound)
            try value(attribute.value, isURL: attribute.isAddress)
            written = attribute.value.upperBound
        }
        literal(written..<tag.range.upperBound)
    }

    private func refuse(in range: Range<Int>, of html: HTMLSource) throws(TemplateFault) {
        if let offset = Self.firstVariable(in: range, of: html.bytes) {
            throw TemplateFault(message: "Within a tag a variable can stand in the quoted value of an attribute only.", offset: offset)
        }
    }
}
