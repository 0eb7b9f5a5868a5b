import MIME
import Testing

struct ReplyTextTests {
    @Test(
        "the introduction of a quotation and the quotation are cut off",
        arguments: [
            "On Tue, 3 Nov 2026 at 10:12, Anna <a@example.com> wrote:", "On Tue, 3 Nov 2026 at 10:12, Anna Berg\n<a@example.com> wrote:",
            "Am 03.11.2026 um 10:12 schrieb Anna <a@example.com>:", "Le mar. 3 nov. 2026 à 10:12, Anna <a@example.com> a écrit :",
            "El mar, 3 nov 2026 a las 10:12, Anna (<a@example.com>) escribió:",
            "Il giorno mar 3 nov 2026 alle ore 10:12 Anna <a@example.com> ha scritto:",
            "Em ter., 3 de nov. de 2026 às 10:12, Anna <a@example.com> escreveu:", "Op di 3 nov 2026 om 10:12 schreef Anna <a@example.com>:",
            "Den tis 3 nov. 2026 kl 10:12 skrev Anna <a@example.com>:", "W dniu 3.11.2026 o 10:12, Anna <a@example.com> pisze:",
            "вт, 3 нояб. 2026 г. в 10:12, Anna <a@example.com> написала:", "3 Kas 2026 Sal, 10:12 tarihinde Anna <a@example.com> şunu yazdı:",
            "Anna <a@example.com> 于2026年11月3日周二 10:12写道：", "2026년 11월 3일 (화) 오전 10:12, Anna <a@example.com>님이 작성:",
        ])
    func theIntroductionOfAQuotation(_ introduction: String) {
        #expect(ReplyText.visible(in: "Yes.\n\n\(introduction)\n> Hello\n>\n> more\n") == "Yes.")
        #expect(ReplyText.visible(in: "Yes.\n\n\(introduction)\n\nHello, nothing is marked here\n") == "Yes.")
        #expect(ReplyText.visible(in: "\(introduction)\n> Hello\n\nBelow.\n") == "Below.")
    }

    @Test(
        "all below the separator of a mail program is cut off",
        arguments: [
            "-----Original Message-----", "-----Ursprüngliche Nachricht-----", "-----Message d'origine-----", "-----Mensaje original-----",
            "-----Messaggio originale-----", "-----Mensagem original-----", "-----Oorspronkelijk bericht-----", "-----Исходное сообщение-----",
            "-----原始邮件-----", "---------- Forwarded message ---------", "________________________________\nFrom: Anna\nSent: Tuesday",
            "From: Anna <a@example.com>\nSent: Tuesday\nTo: Lena", "Von: Anna\nGesendet: Dienstag\nAn: Lena", "De : Anna\nEnvoyé : mardi\nÀ : Lena",
            "*From:* Anna\n*Date:* Tuesday\n*To:* Lena", "Från: Anna\nSkickat: tisdag", "От: Anna\nОтправлено: вторник", "发件人: Anna\n发送时间: 2026",
        ])
    func allBelowTheSeparatorOf(_ separator: String) {
        #expect(ReplyText.visible(in: "Yes.\n\n\(separator)\n\nHello\nUnsubscribe\n") == "Yes.")
    }

    @Test("what a person writes stays, also between quotations") func whatAPersonWritesStays() {
        #expect(ReplyText.visible(in: "> one?\nYes.\n> two?\nNo.\n") == "Yes.\nNo.")
        #expect(
            ReplyText.visible(in: "She wrote:\nthat is a text.\nFrom: here on it is fine.\n--\nLena")
                == "She wrote:\nthat is a text.\nFrom: here on it is fine.\n--\nLena")
        #expect(ReplyText.visible(in: "a -> b\n----\nc") == "a -> b\n----\nc")
        #expect(ReplyText.visible(in: "") == "")
    }

    @Test("a long text of almost introductions takes no long time") func aLongTextOfAlmost() {
        let text = String(repeating: "On 1 @\n", count: 30_000)
        #expect(ReplyText.visible(in: text).hasPrefix("On 1 @"))
    }
}
