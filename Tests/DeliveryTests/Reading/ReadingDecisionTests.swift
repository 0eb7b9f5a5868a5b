import Contracts
import Foundation
import IMAP
import Testing

@testable import Delivery

@Suite("What is read next, and when")
struct ReadingDecisionTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)
    private let windows = FolderPlan.Windows(first: 3 * 86_400, resync: 7 * 86_400)

    private func plan(_ known: FolderPosition?, _ state: IMAPFolderState, name: String = "INBOX") -> FolderPlan {
        FolderPlan(known: known, name: name, state: state, windows: windows, now: now)
    }

    @Test("a folder is read on from where it was; by the date where the numbers mean nothing")
    func plans() {
        let known = FolderPosition(name: "INBOX", uidValidity: 7, lastUID: 41)
        #expect(plan(nil, .init(uidValidity: 7, uidNext: 42, count: 3)) == .since(now.addingTimeInterval(-3 * 86_400)))
        #expect(plan(known, .init(uidValidity: 7, uidNext: 42, count: 3)) == .nothing)
        #expect(plan(known, .init(uidValidity: 7, uidNext: 43, count: 3)) == .from(42))
        #expect(plan(known, .init(uidValidity: 7, uidNext: nil, count: 3)) == .from(42))
        #expect(plan(known, .init(uidValidity: 7, uidNext: nil, count: 0)) == .nothing)
        #expect(plan(known, .init(uidValidity: 8, uidNext: 43, count: 3)) == .since(now.addingTimeInterval(-7 * 86_400)))
        #expect(plan(known, .init(uidValidity: 7, uidNext: 43, count: 3), name: "Sent") == .since(now.addingTimeInterval(-7 * 86_400)))
        let last = FolderPosition(name: "INBOX", uidValidity: 7, lastUID: .max)
        #expect(plan(last, .init(uidValidity: 7, uidNext: nil, count: 3)) == .nothing)
    }

    @Test("batches are bounded in number and size, keep the order, and a mail that is too large comes as its header")
    func batches() {
        let limits = IMAPLimits(mail: 1_000, header: 50, batch: 1_500)
        func mail(_ uid: UInt32, _ size: Int) -> IMAPOverview { IMAPOverview(uid: uid, size: size, receivedAt: now, isSeen: false) }
        let mails = [mail(3, 800), mail(1, 600), mail(2, 600), mail(4, 5_000), mail(5, 10)]
        let batches = FetchBatch.split(mails, headersOnly: false, one: false, limits: limits)
        #expect(batches.map(\.uids) == [[1, 2], [3], [4], [5]])
        #expect(batches.map(\.headersOnly) == [false, false, true, false])
        #expect(FetchBatch.split(mails, headersOnly: false, one: true, limits: limits).map(\.uids) == [[1], [2], [3], [4], [5]])
        let many = FetchBatch.split((1...120).map { mail($0, 5_000) }, headersOnly: true, one: false, limits: limits)
        #expect(many.map(\.uids.count) == [50, 50, 20] && many.allSatisfy(\.headersOnly))
        #expect(FetchBatch.split([], headersOnly: false, one: false, limits: limits).isEmpty)
    }

    @Test("refused credentials make a mailbox fail at once and are left alone for long; a server that is away is looked for sooner, and has patience")
    func failures() {
        let refused = IMAPError(.authenticationFailed, stage: .authentication, message: "refused", words: "NO [AUTHENTICATIONFAILED] no")
        let busy = IMAPError(.authenticationFailed, stage: .authentication, message: "refused", words: "NO [UNAVAILABLE] later")
        let away = IMAPError(.connectFailed, stage: .connect, message: "away")
        func result(_ error: IMAPError, _ failures: Int, isFailing: Bool = false) -> PassResult {
            .failed(error, before: failures, isFailing: isFailing, spread: 0, now: now)
        }
        #expect(result(refused, 0).state == "failing" && result(refused, 0).nextAt == now.addingTimeInterval(300))
        #expect(result(refused, 0).reason == "refused: NO [AUTHENTICATIONFAILED] no")
        #expect(result(refused, 40, isFailing: true).nextAt == now.addingTimeInterval(6 * 3_600))
        #expect(result(busy, 0).state == "active" && result(away, 0).state == "active" && result(away, 0).reason == nil)
        #expect(result(away, 0).nextAt == now.addingTimeInterval(30) && result(away, 2).nextAt == now.addingTimeInterval(120))
        #expect(result(away, 4).state == "failing" && result(away, 40).nextAt == now.addingTimeInterval(3_600))
        let spread = PassResult.failed(away, before: 0, isFailing: false, spread: 1, now: now)
        #expect(spread.nextAt == now.addingTimeInterval(36))
    }

    @Test("a header gives its fields, whatever stands in it; names and links are found in all of them")
    func header() {
        let text = """
            Received: by x\r
            \tfor <Bob@X.example>\r
            From: "Ada, L." <ADA@reader.example>\r
            To: grace@sender.example, <b@x.example>\r
            garbage without a colon\r
            Message-Id:  <abc@x> \r
            List-Unsubscribe: <mailto:leave@x.example>,\r
             <https://t.example/u/AAAAAAAAAAAAAAAAAAAAAAAA.k1.BBBB>\r
            \r
            From: body@x.example\r
            """
        let header = MailHeader(of: Array(text.utf8))
        #expect(header["received"] == "by x for <Bob@X.example>" && header.messageID == "abc@x")
        #expect(header.addresses == ["ada@reader.example", "b@x.example", "grace@sender.example"])
        #expect(header.unsubscribeTokens == ["AAAAAAAAAAAAAAAAAAAAAAAA.k1.BBBB"])
        #expect(MailHeader(of: []).messageID == nil && MailHeader(of: Array(" \n\n".utf8)).fields.isEmpty)
        #expect(MailHeader(of: [UInt8](repeating: 0xFF, count: 1_000_000)).fields.isEmpty)
    }

    @Test("mails are told apart by Message-ID and date, sent ones by Message-ID, those without one by their header")
    func identity() {
        func identity(_ text: String, _ folder: FetchedMail.Folder = .inbox) -> [UInt8] { MailHeader(of: Array(text.utf8)).identity(in: folder) }
        let mail = "Message-ID: <a@x>\nDate: today\nX-Moved: 1\n\nbody"
        #expect(identity(mail) == identity("Date: today\r\nMessage-ID: <a@x>\r\n\r\nother"))
        #expect(identity(mail) != identity("Message-ID: <a@x>\nDate: tomorrow\n\nbody"))
        #expect(identity(mail, .sent) == MailHeader.identity(ofMessageID: "a@x"))
        #expect(identity("Subject: a\n\nx") == identity("Subject: a\n\ny") && identity("Subject: a\n\n") != identity("Subject: b\n\n"))
    }
}
