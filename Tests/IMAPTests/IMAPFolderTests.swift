import Foundation
import Testing

@testable import IMAP

@Suite("Which folder is for what")
struct IMAPFolderTests {
    private func folder(_ name: String, _ flags: String..., delimiter: Character? = "/") -> IMAPFolder {
        IMAPFolder(name: name, delimiter: delimiter, flags: Set(flags))
    }

    @Test("what the server says counts more than any name")
    func special() {
        let roles = IMAPFolderRoles([folder("Sent"), folder("Spam"), folder("Mein Ausgang", "sent"), folder("Unfug", "junk"), folder("INBOX")])
        #expect(roles.sent == "Mein Ausgang" && roles.junk == "Unfug")
    }

    @Test(
        "without that the names that mail programs give are known, in the language of the mailbox",
        arguments: [
            ("INBOX.Sent", "INBOX.spam"), ("Gesendete Elemente", "Junk-E-Mail"), ("&AMk-l&AOk-ments envoy&AOk-s", "Courrier ind&AOk-sirable"),
            ("[Gmail]/Sent Mail", "[Gmail]/Spam"), ("&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-", "&BCEEPwQwBDw-"),
            ("&XfJT0ZAB-", "&V4NXPpCuTvY-"), ("Elementos enviados", "Correo no deseado"),
        ])
    func names(sent: String, junk: String) {
        let delimiter: Character = sent.contains(".") ? "." : "/"
        let folders = ["INBOX", "Archive", junk, sent].map { IMAPFolder(name: $0, delimiter: delimiter, flags: []) }
        let roles = IMAPFolderRoles(folders)
        #expect(roles.sent == sent && roles.junk == junk)
    }

    @Test("a folder that holds no mails is none, and the one nearest to the top is meant")
    func shape() {
        let roles = IMAPFolderRoles([folder("Sent", "noselect"), folder("Archive/2019/Sent"), folder("INBOX/Sent"), folder("Project sent")])
        #expect(roles.sent == "INBOX/Sent")
        #expect(IMAPFolderRoles([folder("Project sent"), folder("INBOX")]) == IMAPFolderRoles([]))
    }

    @Test("names travel in modified UTF-7; what is not well-formed stays as it is")
    func encoding() {
        #expect(ModifiedUTF7.decode("Tom &- Ada") == "Tom & Ada")
        #expect(ModifiedUTF7.decode("&2D3eCg-") == "😊")
        #expect(ModifiedUTF7.decode("Entwürfe") == "Entwürfe")
        for broken in ["&", "&AOk", "&A-", "&2D0-", "a&###-"] { #expect(ModifiedUTF7.decode(broken) == broken) }
    }

    @Test("dates are read with their zones, sets are written short, and news is told from signs of life")
    func details() {
        let date = IMAPDate.date(year: 2026, month: 11, day: 28, hour: 1, minute: 30, second: 0, zone: -530)
        #expect(date == Date(timeIntervalSince1970: 1_795_849_200))
        #expect(IMAPDate.date(year: 2026, month: 13, day: 1, hour: 0, minute: 0, second: 0, zone: 0) == nil)
        #expect(date.map(IMAPDate.text) == "28-Nov-2026")
        #expect(IMAPConnection.set([7, 3, 4, 5, 9, 5, .max]) == "3:5,7,9,4294967295")
        #expect(IMAPConnection.isNews("* 12 EXISTS") && !IMAPConnection.isNews("* OK Still here") && !IMAPConnection.isNews("* 3 EXPUNGE"))
    }
}
