import Contracts
import Foundation

/// The words by which absences and returns are told in four languages, in lower case.
enum ReturnWords {
    /// Somebody is there again.
    static let back: Set<String> = [
        "back", "return", "returning", "wieder", "zurück", "zurueck", "rückkehr", "retour", "reviendrai", "reviens", "vuelta", "regreso", "regresaré",
        "regresare", "volveré", "volvere", "vuelvo", "retorno", "reincorporaré", "incorporaré", "reincorporación",
    ]

    /// The same, unless the sentence says that somebody is not.
    static let available: Set<String> = ["available", "disponible", "joignable", "erreichbar"]
    static let negations: Set<String> = ["not", "no", "won't", "isn't", "cannot", "nicht", "pas", "kein", "keine", "indisponible"]

    /// Before the day of a return.
    static let at: Set<String> = ["on", "from", "of", "am", "ab", "vom", "le", "du", "partir", "el", "del", "dès", "desde"]

    /// Before the end of an absence; whether that day belongs to it.
    static let until: [String: Bool] = [
        "until": false, "till": false, "til": false, "through": true, "thru": true, "including": true, "bis": true, "einschließlich": true,
        "jusqu'au": true, "jusqu'à": true, "jusque": true, "hasta": true,
    ]

    /// Between the two days of an absence.
    static let to: Set<String> = ["to", "-", "–", "—", "au", "al", "and", "und", "et", "y"]

    /// Say nothing between a lead and its date: articles and days of the week.
    static func isFiller(_ word: Substring) -> Bool { fillers.contains(String(word)) || weekdays[String(word)] != nil }

    private static let fillers: Set<String> = [
        "the", "dem", "den", "der", "zum", "einschließlich", "einschl", "inkl", "inclusive", "including", "día", "dia", "jour", "inclus", "day",
    ]

    static func leads(_ word: String) -> Bool { until[word] != nil || at.contains(word) }

    /// Words of languages in which the day stands before the month.
    static let dayFirst: Set<String> = [
        "ab", "bis", "zum", "dem", "vom", "wieder", "zurück", "le", "du", "au", "jusqu'au", "retour", "partir", "el", "del", "al", "hasta",
        "vuelta", "regreso", "desde",
    ]

    static let weekdays: [String: Int] = [
        "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6, "sunday": 7,
        "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6, "sun": 7,
        "montag": 1, "dienstag": 2, "mittwoch": 3, "donnerstag": 4, "freitag": 5, "samstag": 6, "sonnabend": 6, "sonntag": 7,
        "lundi": 1, "mardi": 2, "mercredi": 3, "jeudi": 4, "vendredi": 5, "samedi": 6, "dimanche": 7,
        "lunes": 1, "martes": 2, "miércoles": 3, "jueves": 4, "viernes": 5, "sábado": 6, "domingo": 7,
    ]

    static let months: [String: Int] = [
        "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9, "october": 10,
        "november": 11, "december": 12, "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10,
        "nov": 11, "dec": 12,
        "januar": 1, "jänner": 1, "februar": 2, "feber": 2, "märz": 3, "maerz": 3, "mai": 5, "juni": 6, "juli": 7, "oktober": 10, "okt": 10,
        "dezember": 12, "dez": 12,
        "janvier": 1, "février": 2, "fevrier": 2, "mars": 3, "avril": 4, "juin": 6, "juillet": 7, "août": 8, "aout": 8, "septembre": 9,
        "octobre": 10, "novembre": 11, "décembre": 12, "decembre": 12, "janv": 1, "févr": 2, "déc": 12,
        "enero": 1, "febrero": 2, "marzo": 3, "abril": 4, "mayo": 5, "junio": 6, "julio": 7, "agosto": 8, "septiembre": 9, "setiembre": 9,
        "octubre": 10, "noviembre": 11, "diciembre": 12, "ene": 1, "abr": 4, "ago": 8, "dic": 12,
    ]
}

/// Dates as people write them.
enum DateWords {
    /// The day at the beginning of these words, and of how many it is made. Nil also where it could be another day.
    static func date(_ words: ArraySlice<Substring>, received: Int, dayFirst: Bool) -> (day: Int, length: Int)? {
        guard let first = words.first else { return nil }
        if let day = numeric(first, received: received, dayFirst: dayFirst) { return (day, 1) }
        let rest = words.dropFirst()
        // 7 December 2026, 7. Dezember, 1er décembre, 7 de diciembre de 2026, 7th of December.
        if let number = ordinal(first) {
            let tail = rest.first.map { ["of", "de"].contains($0) } == true ? rest.dropFirst() : rest
            guard let month = tail.first.flatMap(month) else { return nil }
            let (year, used) = year(tail.dropFirst())
            guard let day = day(year, month, number, received) else { return nil }
            return (day, tail.startIndex - words.startIndex + 1 + used)
        }
        // December 7th, 2026.
        if let month = month(first), let number = rest.first.flatMap(ordinal) {
            let (year, used) = year(rest.dropFirst())
            guard let day = day(year, month, number, received) else { return nil }
            return (day, 2 + used)
        }
        return nil
    }

    /// `on Monday`, `am Montag`, `tomorrow`, where no date follows.
    static func relative(_ words: [Substring], at index: Int, received: Int) -> Int? {
        let word = String(words[index])
        if ["tomorrow", "demain", "mañana"].contains(word) { return received + 1 }
        guard let weekday = ReturnWords.weekdays[word], index > 0, ReturnWords.leads(String(words[index - 1])) || words[index - 1] == "next",
            ReturnWords.until[String(words[index - 1])] == nil
        else { return nil }
        // A date, or half of one, says more than the name of the day.
        let hasNumber = words[(index + 1)...].prefix(3).contains { $0.contains(where: \.isNumber) }
        guard !hasNumber else { return nil }
        let ahead = (weekday - CivilDay.weekday(of: received) + 6) % 7 + 1
        return received + ahead
    }

    private static func numeric(_ word: Substring, received: Int, dayFirst: Bool) -> Int? {
        guard word.first?.isNumber == true, let separator = word.first(where: { ".-/".contains($0) }) else { return nil }
        let pieces = (separator != "." && word.hasSuffix(".") ? word.dropLast() : word).split(separator: separator)
        let parts = pieces.compactMap { $0.utf8.count <= 4 && $0.allSatisfy(\.isASCII) ? Int($0) : nil }
        guard parts.count == pieces.count, (2...3).contains(parts.count) else { return nil }
        if parts.count == 3, pieces[0].utf8.count == 4 { return day(parts[0], parts[1], parts[2], received) }
        var year: Int?
        if parts.count == 3 { year = parts[2] < 100 ? 2_000 + parts[2] : parts[2] }
        if parts.count == 2, separator == "-" { return nil }
        // 7.12.: only who puts the day first writes dots.
        if separator == "." || dayFirst { return day(year, parts[1], parts[0], received) }
        let (left, right) = (parts[0], parts[1])
        if left == right || right > 12 { return day(year, left, right, received) }
        return left > 12 ? day(year, right, left, received) : nil
    }

    private static func ordinal(_ word: Substring) -> Int? {
        let digits = word.prefix { $0.isASCII && $0.isNumber }
        guard (1...2).contains(digits.count), ["", ".", "st", "nd", "rd", "th", "er", "º", "°"].contains(word.dropFirst(digits.count)) else {
            return nil
        }
        return Int(digits).flatMap { (1...31).contains($0) ? $0 : nil }
    }

    private static func month(_ word: Substring) -> Int? {
        ReturnWords.months[word.hasSuffix(".") ? String(word.dropLast()) : String(word)]
    }

    private static func year(_ words: ArraySlice<Substring>) -> (year: Int?, used: Int) {
        let tail = words.first.map { ["de", "del"].contains($0) } == true ? words.dropFirst() : words
        guard let word = tail.first, word.prefix(4).count == 4, let year = Int(word.prefix(4)), (2_000...2_199).contains(year),
            word.dropFirst(4).allSatisfy({ $0 == "." })
        else { return (nil, 0) }
        return (year, tail.startIndex - words.startIndex + 1)
    }

    /// Nil for a day that the calendar has not; without a year the next one that comes.
    private static func day(_ year: Int?, _ month: Int, _ day: Int, _ received: Int) -> Int? {
        func number(_ year: Int) -> Int? {
            func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
            guard (2_000...2_199).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
            return CivilDay.number(of: "\(year)-\(padded(month))-\(padded(day))")
        }
        if let year { return number(year) }
        guard let now = Int(CivilDay.text(of: received).prefix(4)) else { return nil }
        return [now, now + 1].lazy.compactMap(number).first { $0 >= received }
    }
}
