import Foundation

/// A folder of a mailbox, as LIST tells it.
public struct IMAPFolder: Sendable, Equatable {
    /// As the server writes it, in its modified UTF-7: to be given back as it is.
    public var name: String
    public var delimiter: Character?
    /// In lower case, without the backslash, such as `sent` and `noselect`.
    public var flags: Set<String>

    public init(name: String, delimiter: Character?, flags: Set<String>) {
        self.name = name
        self.delimiter = delimiter
        self.flags = flags
    }

    /// What a person sees.
    public var displayName: String { ModifiedUTF7.decode(name) }
}

/// Which folders of a mailbox are for what: as the server says (RFC 6154), else by the names that mail programs give them.
public struct IMAPFolderRoles: Sendable, Equatable {
    public var sent: String?
    public var junk: String?

    public init(_ folders: [IMAPFolder]) {
        let usable = folders.filter { !$0.flags.contains("noselect") && !$0.flags.contains("nonexistent") }
        sent = usable.first { $0.flags.contains("sent") }?.name ?? Self.named(Self.sentNames, usable)
        junk = usable.first { $0.flags.contains("junk") }?.name ?? Self.named(Self.junkNames, usable)
    }

    /// The first in the order of `names`; a folder below another counts by its last part, the shallowest first.
    private static func named(_ names: [String], _ folders: [IMAPFolder]) -> String? {
        func depth(_ folder: IMAPFolder) -> Int { folder.delimiter.map { delimiter in folder.name.count { $0 == delimiter } } ?? 0 }
        let sorted = folders.sorted { (depth($0), $0.name) < (depth($1), $1.name) }
        for name in names {
            for folder in sorted {
                let last = folder.delimiter.flatMap { folder.displayName.split(separator: $0).last } ?? Substring(folder.displayName)
                if last.lowercased() == name { return folder.name }
            }
        }
        return nil
    }

    private static let sentNames = [
        "sent", "sent items", "sent mail", "sent messages", "gesendet", "gesendete elemente", "gesendete objekte", "envoyés", "éléments envoyés",
        "messages envoyés", "enviados", "elementos enviados", "mensajes enviados", "itens enviados", "inviata", "posta inviata", "inviati",
        "verzonden", "verzonden items", "wysłane", "elementy wysłane", "skickat", "sendt", "sendte elementer", "lähetetyt", "отправленные",
        "надіслані", "odeslané", "odeslaná pošta", "gönderilmiş öğeler", "gönderilenler", "已发送", "已发送邮件", "寄件備份", "送信済み", "送信済みアイテム", "보낸 편지함",
    ]
    private static let junkNames = [
        "junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "bulk", "spamverdacht", "junk-e-mail", "unerwünscht",
        "courrier indésirable", "indésirables", "pourriel", "correo no deseado", "lixo eletrônico", "posta indesiderata", "ongewenste e-mail",
        "ongewenst", "wiadomości-śmieci", "skräppost", "søppelpost", "uønsket e-post", "roskaposti", "спам", "nevyžádaná pošta", "önemsiz e-posta",
        "垃圾邮件", "迷惑メール", "스팸 편지함",
    ]
}

/// How folder names travel (RFC 3501, 5.1.3).
enum ModifiedUTF7 {
    /// The name itself when it is not well-formed: some servers send UTF-8.
    static func decode(_ name: String) -> String {
        var result = ""
        var rest = name[...]
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            guard let end = rest[start...].firstIndex(of: "-") else { return name }
            let encoded = rest[rest.index(after: start)..<end]
            if encoded.isEmpty {
                result += "&"
            } else {
                guard let text = utf16(encoded) else { return name }
                result += text
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func utf16(_ encoded: Substring) -> String? {
        var base64 = encoded.replacingOccurrences(of: ",", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: base64), bytes.count % 2 == 0 else { return nil }
        let units = stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        return String(validating: units, as: UTF16.self)
    }
}
