import Contracts
import Testing

@testable import Delivery

@Suite("When somebody who is away is back")
struct ReturnDateTests {
    /// A Saturday.
    private static let received = "2026-11-28"

    private func find(_ text: String, subject: String = "") throws -> String? {
        let day = try #require(CivilDay.number(of: Self.received))
        return ReturnDate.find(subject: subject, text: text, received: day).map(CivilDay.text(of:))
    }

    @Test(
        "the usual phrasings of four languages",
        arguments: [
            ("I am out of the office and will be back on Monday, 7 December.", "2026-12-07"),
            ("I will return on December 7th, 2026.", "2026-12-07"),
            ("I'll be returning to the office\non the 7th of December 2026. Regards", "2026-12-07"),
            ("I am on leave until 7 December.", "2026-12-07"),
            ("I am away through 12/31/2026 with limited access to email.", "2027-01-01"),
            ("Out of office from 1 December to 5 December.", "2026-12-06"),
            ("Out from 1 Dec until 5 Dec. I am back on 7 Dec.", "2026-12-07"),
            ("Thank you! I am back in the office on 2026-12-07.", "2026-12-07"),
            ("I will be back on Monday.", "2026-11-30"),
            ("I'll be available again as of January 4.", "2027-01-04"),
            ("Ich bin vom 01.12.2026 bis 05.12.2026 nicht im Büro.", "2026-12-06"),
            ("Ich bin ab dem 7. Dezember wieder erreichbar.", "2026-12-07"),
            ("Ich bin bis einschließlich 4.12. im Urlaub und ab 7.12. wieder im Büro.", "2026-12-07"),
            ("Vielen Dank für Ihre Nachricht. Am Montag, den 7. Dezember 2026, bin ich wieder für Sie da.", "2026-12-07"),
            ("Ich kehre am 07.12.26 zurück.", "2026-12-07"),
            ("Je suis absent du bureau jusqu'au 4 décembre inclus.", "2026-12-05"),
            ("Je suis absente du 1er au 4 décembre 2026. De retour le lundi 7 décembre.", "2026-12-07"),
            ("Je serai de retour le 07/12/2026.", "2026-12-07"),
            ("Estaré ausente hasta el 4 de diciembre de 2026.", "2026-12-05"),
            ("Estoy de vacaciones. Mi regreso será el lunes 7 de diciembre.", "2026-12-07"),
            ("Volveré a la oficina el 7/12/2026.", "2026-12-07"),
        ])
    func known(text: String, day: String) throws {
        #expect(try find(text) == day, "\(text)")
    }

    @Test(
        "what says nothing, says it in two ways, or speaks of the past or of far away is unknown",
        arguments: [
            "I am out of the office.", "I will get back to you as soon as possible.", "I will be back on 05/06/2027.",
            "I am away until further notice.", "I was away until 7 November 2025.", "I am back on 31 February 2027.",
            "Our company was founded on 7 December.", "I am not available from 7 December.", "Back on 7 December 2031.",
            "Please call 12-24-36 or write to room 7/12.", "", "until", "bis zum", "de retour le", "on 99.99.9999 back",
        ])
    func unknown(text: String) throws {
        #expect(try find(text) == nil, "\(text)")
    }

    @Test("the subject counts, too, and what lies behind the beginning does not")
    func places() throws {
        #expect(try find("Thanks.", subject: "Abwesenheit bis 4.12.2026") == "2026-12-05")
        #expect(try find(String(repeating: "words ", count: 2_000) + "I am back on 7 December.") == nil)
        // Whatever it is, it ends.
        for text in [String(repeating: "1.", count: 5_000), String(repeating: "on 7 ", count: 5_000), "\u{0}\u{FFFF} 7 \u{200D} dec", "٧ ديسمبر back on"] {
            _ = try find(text)
        }
    }
}
