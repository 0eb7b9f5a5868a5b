import Contracts
import Foundation

/// The day on which somebody who is away says to be back, read from an automatic answer in English, German, French or Spanish.
///
/// Pure, and without an opinion where the text has none: a date that can be read in two ways, or lies out of reach, is none. Bounded: only the
/// beginning of the text is looked at, word by word.
enum ReturnDate {
    private static let mostBytes = 4_096
    /// Further ahead nobody says when they are back, and what has passed is of an answer that was forgotten.
    private static let reach = 366

    /// The day, counted as by ``CivilDay``; `received` is the day on which the mail came.
    static func find(subject: String, text: String, received: Int) -> Int? {
        let whole = String(decoding: (subject + "\n\n" + text).utf8.prefix(mostBytes), as: UTF8.self).lowercased().replacing("’", with: "'")
        var lasts: [Int] = []
        for sentence in sentences(whole) {
            let found = dates(in: sentence, received: received)
            if let back = found.first(where: { $0.role == .back })?.day { return back }
            lasts += found.compactMap { $0.role == .last ? $0.day : nil }
        }
        // Of several absences the one that ends last.
        return lasts.max().flatMap { $0 - received <= reach ? $0 : nil }
    }

    // MARK: - Sentences

    /// Mail programs break lines in the middle of sentences, so only an empty line ends one.
    private static func sentences(_ text: String) -> [[Substring]] {
        var all: [[Substring]] = []
        var words: [Substring] = []
        func end() {
            if !words.isEmpty { all.append(words) }
            words = []
        }
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let pieces = line.split(whereSeparator: \.isWhitespace)
            if pieces.isEmpty { end() }
            for raw in pieces {
                let word = raw.trimming { ",;:()[]\"*_<>".contains($0) }
                let plain = word.trimming { ".!?".contains($0) }
                guard !plain.isEmpty else { continue }
                words.append(plain.last?.isNumber == true ? word : plain)
                // `7.` and `dez.` end no sentence.
                if "!?.".contains(word.last ?? " "), plain.last?.isNumber != true, ReturnWords.months[String(plain)] == nil { end() }
            }
        }
        end()
        return all
    }

    // MARK: - Dates

    private enum Role {
        case back, last
    }

    private struct Found {
        let day: Int
        let role: Role
    }

    private static func dates(in words: [Substring], received: Int) -> [Found] {
        let isNegated = words.contains { ReturnWords.negations.contains(String($0)) }
        let isBack = words.contains { ReturnWords.back.contains(String($0)) || !isNegated && ReturnWords.available.contains(String($0)) }
        let isForeign = words.contains { ReturnWords.dayFirst.contains(String($0)) }
        var found: [Found] = []
        var index = 0
        // Whether a date stands just before, which "to" or "au" then leads on from.
        var rangeBegan = -100
        while index < words.count {
            guard let (day, length) = DateWords.date(words[index...], received: received, dayFirst: isForeign) else {
                if isBack, let day = DateWords.relative(words, at: index, received: received) { found.append(Found(day: day, role: .back)) }
                index += 1
                continue
            }
            let leads = words[..<index].suffix(6).filter { !ReturnWords.isFiller($0) }.suffix(2).map(String.init)
            // `hasta el 4`: the article says nothing by itself.
            let lead =
                leads.first.flatMap { ReturnWords.until[$0] == nil || !["el", "le", "la"].contains(leads.last) ? nil : $0 } ?? leads.last ?? ""
            let next = index + length < words.count ? String(words[index + length]) : ""
            if day >= received, day - received <= reach {
                if let inclusive = ReturnWords.until[lead] {
                    found.append(Found(day: day + (inclusive ? 1 : 0), role: .last))
                } else if ReturnWords.to.contains(lead), index - rangeBegan <= 8 {
                    found.append(Found(day: day + 1, role: .last))
                } else if isBack, ReturnWords.at.contains(lead) || ReturnWords.back.contains(lead), !ReturnWords.to.contains(next),
                    ReturnWords.until[next] == nil
                {
                    found.append(Found(day: day, role: .back))
                }
            }
            rangeBegan = index + length
            index += length
        }
        return found
    }
}

extension Substring {
    fileprivate func trimming(_ isEdge: (Character) -> Bool) -> Substring {
        var text = drop(while: isEdge)
        while let last = text.last, isEdge(last) { text.removeLast() }
        return text
    }
}
