import Foundation

/// Tells what the writer of an answer wrote from what it answers.
public enum ReplyText {
    /// A line that is longer is no introduction of a quotation.
    private static let longestIntroduction = 300

    /// Without quotations: lines marked by `>`, the line that introduces them, and all below a separator that mail programs set.
    public static func visible(in text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var kept: [Substring] = []
        var index = 0
        while index < lines.count {
            let line = lines[index].trimmingCharacters(in: .whitespaces)
            if isQuoted(line) {
                index += 1
                continue
            }
            if isSeparator(line) || isHeaderBlock(lines, at: index) { break }
            if let length = introduction(lines, at: index) {
                let next = lines[(index + length)...].first { !$0.allSatisfy(\.isWhitespace) }
                // Below marked lines, the writer goes on; where nothing is marked, all the rest is quoted.
                guard let next, isQuoted(next.trimmingCharacters(in: .whitespaces)) else { break }
                index += length
                continue
            }
            kept.append(lines[index])
            index += 1
        }
        return kept.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func isQuoted(_ line: String) -> Bool {
        line.utf8.first == UInt8(ascii: ">") || line.hasPrefix("|>") || line.hasPrefix("＞")
    }

    private static func isSeparator(_ line: String) -> Bool {
        guard line.utf8.count >= 8, line.utf8.count <= 160, line.utf8.first == UInt8(ascii: "-") || line.utf8.first == UInt8(ascii: "_") else {
            return false
        }
        let words = line.trimmingCharacters(in: CharacterSet(charactersIn: "-_ ")).lowercased()
        // Outlook draws a line of underscores above what it quotes.
        if words.isEmpty { return line.utf8.count >= 30 && line.utf8.first == UInt8(ascii: "_") }
        return line.hasPrefix("--") && ReplySeparators.titles.contains(words)
    }

    /// `From:` and, within three lines, `Sent:` or `To:`, in the language of the writer's mail program.
    private static func isHeaderBlock(_ lines: [Substring], at index: Int) -> Bool {
        guard label(of: lines[index]).map(ReplySeparators.from.contains) == true else { return false }
        return lines[(index + 1)...].prefix(4).contains { label(of: $0).map(ReplySeparators.below.contains) == true }
    }

    private static func label(of line: Substring) -> String? {
        let start = line.prefix(40).trimmingCharacters(in: CharacterSet(charactersIn: " \t*"))
        guard let colon = start.firstIndex(where: { $0 == ":" || $0 == "：" }) else { return nil }
        return start[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: " *")).lowercased()
    }

    /// Of how many lines the introduction of a quotation (`On … wrote:`) that begins here has; programs fold long ones.
    private static func introduction(_ lines: [Substring], at index: Int) -> Int? {
        var joined = ""
        for length in 1...3 {
            guard index + length <= lines.count else { return nil }
            let line = lines[index + length - 1].trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty, joined.utf8.count + line.utf8.count <= longestIntroduction else { return nil }
            joined += length == 1 ? line : " " + line
            if isIntroduction(joined) { return length }
            // Only a line that begins as an introduction does can go on in the next.
            guard ReplySeparators.openings.contains(where: joined.lowercased().hasPrefix) else { return nil }
        }
        return nil
    }

    private static func isIntroduction(_ line: String) -> Bool {
        guard line.hasSuffix(":") || line.hasSuffix("：") else { return false }
        let lower = line.lowercased()
        // A date or an address stands in every one; "she wrote:" in a text has neither.
        guard lower.contains("@") || lower.contains(where: \.isNumber) else { return false }
        return ReplySeparators.verbs.contains { lower.contains($0) }
    }
}

/// What mail programs put between an answer and what it answers, in the languages of their users; all in lower case.
enum ReplySeparators {
    static let titles: Set<String> = [
        "original message", "forwarded message", "ursprüngliche nachricht", "originalnachricht", "original-nachricht", "weitergeleitete nachricht",
        "message d'origine", "message d’origine", "message original", "message transféré", "message initial", "mensaje original",
        "mensaje reenviado", "messaggio originale", "messaggio inoltrato", "mensagem original", "mensagem encaminhada", "oorspronkelijk bericht",
        "doorgestuurd bericht", "oprindelig meddelelse", "ursprungligt meddelande", "originalmeddelande", "opprinnelig melding",
        "alkuperäinen viesti", "wiadomość oryginalna", "oryginalna wiadomość", "původní zpráva", "pôvodná správa", "eredeti üzenet",
        "mesaj original", "mesajul original", "orijinal mesaj", "orijinal ileti", "özgün ileti", "исходное сообщение", "пересылаемое сообщение",
        "оригінальне повідомлення", "αρχικό μήνυμα", "原始邮件", "原始郵件", "原邮件", "原始信件", "元のメッセージ", "원본 메일", "원본 메시지",
        "הודעה מקורית", "الرسالة الأصلية", "pesan asli", "tin nhắn gốc", "reply message", "reply above this line",
    ]

    static let from: Set<String> = [
        "from", "von", "de", "da", "van", "från", "fra", "od", "от", "від", "lähettäjä", "kimden", "gönderen", "feladó", "de la", "από", "发件人",
        "寄件者", "差出人", "보낸 사람", "보낸사람", "מאת", "من", "dari", "từ", "expéditeur",
    ]

    static let below: Set<String> = [
        "sent", "date", "to", "gesendet", "datum", "an", "envoyé", "à", "enviado", "enviado el", "fecha", "para", "inviato", "data", "a", "verzonden",
        "aan", "skickat", "till", "sendt", "til", "dato", "lähetetty", "vastaanottaja", "wysłano", "wysłane", "do", "odesláno", "komu", "dátum",
        "elküldve", "címzett", "trimis", "către", "gönderildi", "tarih", "gönderilme tarihi", "kime", "отправлено", "дата", "кому", "надіслано",
        "στάλθηκε", "προς", "发送时间", "日期", "收件人", "寄件日期", "傳送時間", "送信日時", "宛先", "보낸 날짜", "받는 사람", "נשלח", "אל",
        "تاريخ الإرسال", "إلى", "dikirim", "kepada", "đã gửi", "gửi", "tới",
    ]

    /// How an introduction that goes over several lines begins.
    static let openings = [
        "on ", "am ", "le ", "el ", "il ", "em ", "op ", "den ", "den", "w dniu", "dne ", "on", "pe ", "în ", "la ", "στις ", "ב", "في ", "pada ",
        "vào ", "от ", "在", "於", "20",
    ]

    static let verbs = [
        " wrote", " schrieb", " a écrit", " escribió", " ha scritto", " escreveu", " schreef", " skrev", " kirjoitti", " napisał", " pisze",
        " napsal", " napísal", " írta", " a scris", " yazdı", " написал", " пишет", " пише", " написав", " έγραψε", "写道", "寫道", "のメール",
        "書きました", "님이 작성", " כתב", "كتب", " menulis", " đã viết", " geschreven",
    ]
}
