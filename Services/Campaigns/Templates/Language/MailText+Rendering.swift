extension MailText {
    /// What Delivery replaces with the mail's own link.
    static let placeholder = Array("{{unsubscribe_url}}".utf8)

    private struct Output {
        var bytes: [UInt8] = []
        /// Where the author's own placeholders stand.
        var placeholders: [Int] = []
    }

    /// The text for one mail: values are written as they are where they stand, and are never read as a part of the template.
    func rendered(_ values: MergeValues, choosing choices: SpintaxChoices) -> String {
        var output = Output()
        output.bytes.reserveCapacity(bytes.count + 256)
        append(pieces.indices, values, choices, to: &output)
        return String(decoding: Self.guarded(output), as: UTF8.self)
    }

    /// As deep as choices are nested.
    private func append(_ range: Range<Int>, _ values: MergeValues, _ choices: SpintaxChoices, to output: inout Output) {
        var index = range.lowerBound
        while index < range.upperBound {
            switch pieces[index] {
            case .literal(let range):
                output.bytes += bytes[range]
                index += 1
            case .variable(let number):
                append(references[number], values, to: &output)
                index += 1
            case .choice(let choice):
                let chosen = choices.index(of: choice.ordinal, in: part, among: choice.alternatives.count)
                append(choice.alternatives[chosen], values, choices, to: &output)
                index = choice.next
            case .mark: index += 1
            }
        }
    }

    private func append(_ reference: Reference, _ values: MergeValues, to output: inout Output) {
        guard reference.variable != .unsubscribe else {
            // Nobody fills it in in a subject.
            if part == .subject { return }
            output.placeholders.append(output.bytes.count)
            output.bytes += Self.placeholder
            return
        }
        let value = values[reference.variable] ?? reference.fallback ?? ""
        reference.place.append(value, limit: reference.variable.longestValue, to: &output.bytes, isMarkup: isMarkup)
    }

    /// Takes a brace away from what looks like Delivery's placeholder and is not the author's own, whatever values it was put together from.
    private static func guarded(_ output: Output) -> [UInt8] {
        let bytes = output.bytes
        var result: [UInt8] = []
        var copied = 0
        var index = 0
        var known = output.placeholders[...]
        while index + placeholder.count <= bytes.count {
            guard bytes[index] == TemplateByte.openBrace, bytes[index..<index + placeholder.count].elementsEqual(placeholder) else {
                index += 1
                continue
            }
            if known.first == index {
                known.removeFirst()
            } else {
                result += bytes[copied..<index]
                // A brace more before it would complete it again.
                while result.last == TemplateByte.openBrace { result.removeLast() }
                copied = index + 1
            }
            index += placeholder.count
        }
        return copied == 0 ? bytes : result + bytes[copied...]
    }
}
