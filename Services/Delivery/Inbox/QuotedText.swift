import Foundation

/// A mail's text in two parts: what its writer wrote, and from where on they quote; one look at each line.
struct QuotedText: Sendable, Equatable {
    let visible: String
    /// Nil when nothing is quoted.
    let quoted: String?

    init(_ text: String) {
        // CR and LF together are one character, which splitting at LF would miss.
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard let start = Self.start(in: lines) else {
            self.init(visible: Self.trimmed(lines[...]), quoted: nil)
            return
        }
        let visible = Self.trimmed(lines[..<start])
        // An answer below or between the lines that it quotes is shown whole: nobody can tell its parts apart.
        guard !visible.isEmpty else {
            self.init(visible: Self.trimmed(lines[...]), quoted: nil)
            return
        }
        self.init(visible: visible, quoted: Self.trimmed(lines[start...]))
    }

    private init(visible: String, quoted: String?) {
        self.visible = visible
        self.quoted = quoted.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func trimmed(_ lines: ArraySlice<Substring>) -> String {
        lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The first line of what is quoted: a line that says who wrote what follows, a header of the mail before, or quote marks down to the end.
    private static func start(in lines: [Substring]) -> Int? {
        for index in lines.indices {
            let line = lines[index].trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty else { continue }
            if isDivider(line) || isAttribution(line) { return index }
            // Mail programs break a long attribution into two or three lines.
            if opensAttribution(line), index + 1 < lines.count {
                let next = (1...2).compactMap { index + $0 < lines.count ? lines[index + $0].trimmingCharacters(in: .whitespaces) : nil }
                if isAttribution(line + " " + next[0]) || next.count > 1 && isAttribution(line + " " + next[0] + " " + next[1]) { return index }
            }
            if isHeader(line, names: fromNames), isHeaderBlock(lines, from: index) { return index }
        }
        // Nothing but quote marks, with an empty line here and there, to the end.
        var first: Int?
        for index in lines.indices.reversed() {
            let line = lines[index].trimmingCharacters(in: .whitespaces)
            if line.hasPrefix(">") {
                first = index
            } else if !line.isEmpty {
                break
            }
        }
        return first
    }

    private static func isDivider(_ line: String) -> Bool {
        if line.utf8.count >= 20, line.utf8.allSatisfy({ $0 == UInt8(ascii: "_") }) { return true }
        guard line.hasPrefix("--"), line.hasSuffix("--"), line.utf8.count <= 100 else { return false }
        let words = line.trimmingCharacters(in: CharacterSet(charactersIn: "- ")).lowercased()
        return dividers.contains { words.hasPrefix($0) }
    }

    private static func opensAttribution(_ line: String) -> Bool {
        line.utf8.count <= 200 && attributionStarts.contains { line.lowercased().hasPrefix($0) }
    }

    /// "On Mon, 3 Aug 2026 at 10:11, Ada <ada@x.example> wrote:"
    private static func isAttribution(_ line: String) -> Bool {
        guard line.utf8.count <= 400, line.hasSuffix(":") || line.hasSuffix("：") else { return false }
        let lower = line.lowercased()
        guard
            attributionEnds.contains(where: { lower.dropLast().trimmingCharacters(in: .whitespaces).hasSuffix($0) })
                || attributionVerbs.contains(where: { lower.contains($0) }) && opensAttribution(line)
        else { return false }
        // A sentence such as "as you wrote:" has neither a date nor an address.
        return lower.contains(where: \.isNumber) || lower.contains("@")
    }

    private static func isHeader(_ line: String, names: Set<String>) -> Bool {
        guard let colon = line.firstIndex(of: ":"), line.utf8.count <= 400 else { return false }
        let name = line[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "* ")).lowercased()
        return names.contains(name)
    }

    /// "From: … Sent: … To: … Subject: …", as Outlook puts it above what it quotes.
    private static func isHeaderBlock(_ lines: [Substring], from index: Int) -> Bool {
        let next = lines[(index + 1)...].prefix(6).map { $0.trimmingCharacters(in: .whitespaces) }
        return next.contains { isHeader($0, names: sentNames) } && next.contains { isHeader($0, names: subjectNames) || isHeader($0, names: toNames) }
    }

    private static let dividers = [
        "original message", "forwarded message", "ursprüngliche nachricht", "weitergeleitete nachricht", "message d'origine", "message transféré",
        "mensaje original", "mensagem original", "messaggio originale", "messaggio inoltrato", "oorspronkelijk bericht", "originalmeddelande",
        "oprindelig meddelelse", "wiadomość oryginalna", "исходное сообщение", "пересылаемое сообщение", "原始邮件",
    ]
    private static let attributionStarts = [
        "on ", "am ", "le ", "el ", "em ", "il ", "op ", "den ", "på ", "dne ", "w dniu ", "dnia ", "pe ", "ons ", "lør ", "на ", "在",
    ]
    private static let attributionEnds = [
        "wrote", "schrieb", "a écrit", "écrit", "escribió", "escreveu", "ha scritto", "schreef", "skrev", "napsal", "napisał", "napisał(a)",
        "kirjoitti", "написал", "написала", "пишет", "写道", "yazdı", "a scris",
    ]
    private static let attributionVerbs = [" schrieb ", " schreef ", " skrev ", " wrote "]
    private static let fromNames: Set<String> = ["from", "von", "de", "da", "van", "från", "fra", "od", "от", "发件人", "lähettäjä"]
    private static let sentNames: Set<String> = [
        "sent", "date", "gesendet", "datum", "envoyé", "enviado", "enviado el", "inviato", "data", "verzonden", "skickat", "sendt", "wysłano",
        "отправлено", "дата", "发送时间", "fecha", "lähetetty",
    ]
    private static let toNames: Set<String> = ["to", "an", "à", "para", "a", "aan", "till", "til", "do", "кому", "收件人"]
    private static let subjectNames: Set<String> = [
        "subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp", "ämne", "emne", "temat", "тема", "主题", "aihe",
    ]
}
