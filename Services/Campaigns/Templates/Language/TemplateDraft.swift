/// A template taken apart before its choices are matched: where text, variables, braces and bars stand.
struct TemplateDraft {
    enum Token {
        case literal(Range<Int>)
        case variable(Int)
        case open(Int)
        case bar(Int)
        case close(Int)
    }

    private struct OpenBrace {
        let token: Int
        let offset: Int
        var bars: [Int] = []
        /// How deep the choices within it are nested.
        var depth = 0
    }

    private struct Match {
        let open: Int
        let bars: [Int]
        let close: Int
    }

    /// What the tokens are places in.
    var bytes: [UInt8]
    var tokens: [Token] = []
    var references: [MailText.Reference] = []

    /// A pair of braces with a bar between them is a choice; every other brace or bar is text.
    func pieces() throws(TemplateFault) -> [MailText.Piece] {
        var pieces = tokens.map { token -> MailText.Piece in
            switch token {
            case .literal(let range): .literal(range)
            case .variable(let number): .variable(number)
            case .open(let offset), .bar(let offset), .close(let offset): .literal(offset..<offset + 1)
            }
        }
        for (ordinal, match) in try matches().enumerated() {
            var alternatives: [Range<Int>] = []
            var start = match.open + 1
            for end in match.bars + [match.close] {
                alternatives.append(start..<end)
                pieces[end] = .mark
                start = end + 1
            }
            pieces[match.open] = .choice(MailText.Choice(ordinal: ordinal, alternatives: alternatives, next: match.close + 1))
        }
        return pieces
    }

    /// The choices in the order in which they open.
    private func matches() throws(TemplateFault) -> [Match] {
        var open: [OpenBrace] = []
        var matches: [Match] = []
        for (index, token) in tokens.enumerated() {
            switch token {
            case .open(let offset): open.append(OpenBrace(token: index, offset: offset))
            case .bar: if !open.isEmpty { open[open.count - 1].bars.append(index) }
            case .close:
                guard let brace = open.popLast() else { continue }
                let depth = brace.bars.isEmpty ? brace.depth : brace.depth + 1
                if !brace.bars.isEmpty {
                    guard depth <= MailText.maximumChoiceDepth else {
                        throw TemplateFault(
                            message: "Choices are nested at most \(MailText.maximumChoiceDepth) deep; put a backslash before braces that are text.",
                            offset: brace.offset)
                    }
                    guard matches.count < MailText.maximumChoices else {
                        throw TemplateFault(
                            message: "A part of a template has at most \(MailText.maximumChoices) choices.", offset: brace.offset)
                    }
                    matches.append(Match(open: brace.token, bars: brace.bars, close: index))
                }
                if !open.isEmpty { open[open.count - 1].depth = max(open[open.count - 1].depth, depth) }
            case .literal, .variable: continue
            }
        }
        return matches.sorted { $0.open < $1.open }
    }
}
