import Foundation
import Mail

extension MailMessage {
    static func sample() throws -> MailMessage {
        MailMessage(
            from: try MailAddress("grace@sender.example").named("Grace"), to: [try MailAddress("ada@reader.example").named(nil)],
            subject: "Grüße aus Zürich", text: "Hello Ada,\n\n.a line with a dot\n", messageIdentifier: "0198c5f0.1@sender.example",
            date: Date(timeIntervalSince1970: 1_793_872_800))
    }
}
