import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Delivery

private let form: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]

@Suite("Leaving")
struct UnsubscribeTests {
    /// A mail to ada, and the path of its way out.
    private func ground() async throws -> (fixture: DeliveryFixture, send: SendID, path: String) {
        let fixture = try await DeliveryFixture.make()
        let send = try await fixture.accepted("ada@lead.example", try await fixture.mailbox())
        return (fixture, send, try fixture.leavingPath(send))
    }

    private func choose(_ choice: String, _ fixture: DeliveryFixture, _ path: String) async throws -> DeliveryFixture.Answer {
        try await fixture.ask(.post, path, "choice=\(choice)", as: nil, headers: form)
    }

    @Test(
        "one click by either form is answered at once, without a page, a cookie or a redirect, and again changes nothing",
        arguments: [
            ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
            ("multipart/form-data; boundary=b7", "--b7\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b7--\r\n"),
        ])
    func oneClick(type: String, body: String) async throws {
        let (fixture, _, path) = try await ground()
        for _ in 0..<2 {
            let answer = try await fixture.ask(.post, path, body, as: nil, headers: [.contentType: type])
            #expect(answer.status == 200 && answer.headers[.setCookie] == nil && answer.headers[.location] == nil)
        }
        #expect(try await fixture.suppressed(["ada@lead.example"]) == ["ada@lead.example"])
        #expect(try await fixture.number("select count(*) as n from suppressions where source = 'one_click'") == 1)
        #expect(try await fixture.told("delivery.recipient.unsubscribed").count == 1)
    }

    @Test("whatever scanners do with the link but the one POST, nobody is unsubscribed")
    func scanners() async throws {
        let (fixture, _, path) = try await ground()
        let agents = ["Mozilla/5.0 (compatible; Proofpoint)", "Barracuda Sentinel", "curl/8", "Mozilla/5.0", "GoogleImageProxy", ""]
        for agent in agents {
            let headers: HTTPFields = [.userAgent: agent, .accept: "*/*"]
            for suffix in ["", "?List-Unsubscribe=One-Click", "?choice=company&confirm=1"] {
                for method: HTTPRequest.Method in [.get, .head] {
                    #expect(try await fixture.ask(method, path + suffix, as: nil, headers: headers).status == 200)
                }
            }
            for method: HTTPRequest.Method in [.options, .put, .delete, .patch] {
                #expect(try await fixture.ask(method, path, as: nil, headers: headers).status >= 400)
            }
            // A POST that asks for nothing: some scanners send forms as they find them, without their fields.
            for body in ["", "x=y", "choice=", "choice=everything", "List-Unsubscribe=", #"{"choice":"company"}"#] {
                #expect(try await fixture.ask(.post, path, body, as: nil, headers: form).status == 200)
            }
        }
        #expect(try await fixture.number("select count(*) as n from suppressions") == 0)
        #expect(try await fixture.number("select count(*) as n from tracking_opt_outs") == 0)
        #expect(try await fixture.told("delivery.recipient.unsubscribed").isEmpty)
    }

    @Test(
        "each choice stops as much as it says",
        arguments: [("company", true, true, true), ("workspace", true, true, false), ("campaign", true, false, false), ("pause", true, true, true)])
    func choices(choice: String, stopsCampaign: Bool, stopsWorkspace: Bool, stopsCompany: Bool) async throws {
        let (fixture, _, path) = try await ground()
        #expect(try await choose(choice, fixture, path).status == 200)
        let mailbox = try #require(
            MailboxID(try await fixture.database.query("select id::text as id from mailboxes")[0].decode("id", as: String.self)))
        func isStopped(_ edit: (inout DeliveryRPC.PlannedSend) -> Void) async throws -> Bool {
            let send = try await fixture.plan(one: "ada@lead.example", mailbox, edit: edit)
            return try await fixture.number("select count(*) as n from sends where id = \(send) and state = 'suppressed'") == 1
        }
        #expect(try await isStopped { _ in } == stopsCampaign)
        #expect(try await isStopped { $0.campaign = CampaignID(UUID()) } == stopsWorkspace)
        #expect(
            try await isStopped {
                $0.workspace = WorkspaceID(UUID())
                $0.campaign = CampaignID(UUID())
            } == stopsCompany)
        guard choice == "pause" else { return }
        fixture.house.clock.advance(by: .seconds(30 * 86_400 + 1))
        #expect(try await !isStopped { _ in })
    }

    @Test("what is less than the whole company ends the enrolment, and says nothing of the person; the whole is the person's word")
    func events() async throws {
        for (choice, unsubscribed, suppressed) in [("campaign", 0, 1), ("company", 1, 0)] {
            let (fixture, _, path) = try await ground()
            #expect(try await choose(choice, fixture, path).status == 200)
            #expect(try await fixture.told("delivery.recipient.unsubscribed").count == unsubscribed, "\(choice)")
            #expect(try await fixture.told("delivery.recipients.suppressed").count == suppressed, "\(choice)")
        }
    }

    @Test("a slip is taken back by the same link within a day, and only what that link did")
    func undo() async throws {
        let (fixture, _, path) = try await ground()
        let mailbox = MailboxID(try await fixture.database.query("select mailbox_id from sends")[0].decode("mailbox_id", as: UUID.self))
        let other = try fixture.leavingPath(try await fixture.accepted("ada@lead.example", mailbox))
        let answer = try await choose("company", fixture, path)
        #expect(answer.body.contains(#"value="undo""#), "\(answer.body)")
        #expect(try await choose("undo", fixture, other).status == 200)
        #expect(try await fixture.suppressed(["ada@lead.example"]) == ["ada@lead.example"])
        // Looking does not take back either.
        #expect(try await fixture.ask(.get, path + "?choice=undo", as: nil).status == 200)
        #expect(try await fixture.suppressed(["ada@lead.example"]) == ["ada@lead.example"])
        #expect(try await choose("undo", fixture, path).status == 200)
        #expect(try await fixture.suppressed(["ada@lead.example"]) == [])
        #expect(try await fixture.told("delivery.recipient.resubscribed").count == 1)
        // A day later it is no slip any more.
        _ = try await choose("pause", fixture, path)
        _ = try await choose("company", fixture, path)
        fixture.house.clock.advance(by: .seconds(86_401))
        _ = try await choose("undo", fixture, path)
        #expect(try await fixture.suppressed(["ada@lead.example"]) == ["ada@lead.example"])
    }

    @Test("an undo takes nothing away that was there before")
    func undoOfOthers() async throws {
        let (fixture, _, path) = try await ground()
        #expect(try await fixture.ask(.post, "/api/v1/suppressions", #"{"address":"ada@lead.example"}"#).status == 201)
        _ = try await choose("company", fixture, path)
        _ = try await choose("undo", fixture, path)
        #expect(try await fixture.suppressed(["ada@lead.example"]) == ["ada@lead.example"])
    }

    @Test("the end of a wish names the link's mail and the enrolments that nothing holds back any more")
    func undoTellsWhom() async throws {
        let (fixture, send, path) = try await ground()
        let mailbox = MailboxID(try await fixture.database.query("select mailbox_id from sends")[0].decode("mailbox_id", as: UUID.self))
        let (held, free) = (EnrolmentID(UUID()), EnrolmentID(UUID()))
        let campaign = CampaignID(UUID())
        try await fixture.plan(one: "ada@lead.example", mailbox) { $0.enrolment = free }
        let other = try fixture.leavingPath(
            try await fixture.plan(one: "ada@lead.example", mailbox) {
                $0.enrolment = held
                $0.campaign = campaign
            })
        _ = try await choose("campaign", fixture, other)
        _ = try await choose("company", fixture, path)
        let stop = try #require(try await fixture.told("delivery.recipients.suppressed").last)
        #expect(stop.contains(#""choice":"company""#) && stop.contains(send.description))
        _ = try await choose("undo", fixture, path)
        let told = try #require(try await fixture.told("delivery.recipient.resubscribed").first)
        let data = try ReceivedEvent(body: Array(told.utf8)).data(as: DeliveryEvents.RecipientResubscribed.self)
        #expect(data.send == send && data.isWhole == true)
        #expect(data.enrolments?.contains(free) == true && data.enrolments?.contains(held) == false)
    }

    @Test("whoever asks by another way, too, meant it: the link takes nothing back any more")
    func undoOfTwoWishes() async throws {
        let (fixture, _, path) = try await ground()
        _ = try await choose("company", fixture, path)
        let said = try await fixture.ask(.post, "/api/v1/suppressions", #"{"address":"ada@lead.example","reason":"unsubscribed"}"#)
        #expect(said.status == 200, "\(said.status) \(said.body)")
        _ = try await choose("undo", fixture, path)
        #expect(try await fixture.suppressed(["ada@lead.example"]) == ["ada@lead.example"])
        #expect(try await fixture.told("delivery.recipient.resubscribed").isEmpty)
    }

    @Test("a domain on the list is told by its name, with the scope")
    func domains() async throws {
        let (fixture, _, _) = try await ground()
        #expect(try await fixture.ask(.post, "/api/v1/suppressions", #"{"address":"@Lead.example"}"#).status == 201)
        let told = try await fixture.told("delivery.domains.suppressed")
        #expect(told.count == 1 && told[0].contains(#""domains":["lead.example"]"#))
    }

    @Test("the page is in the reader's language, under the sender's name, escaped, and without the recipient's address")
    func page() async throws {
        let (fixture, _, path) = try await ground()
        try await fixture.database.query("update mailboxes set display_name = '<b>\"Ann\" & Co</b>'")
        for (language, word) in [
            ("en", "Confirm"), ("de-AT,de;q=0.9,en;q=0.5", "Bestätigen"), ("fr", "Confirmer"), ("es-MX", "Confirmar"), ("pt-BR", "Confirmar"),
            ("it", "Conferma"), ("nl", "Bevestigen"), ("pl", "Potwierdź"), ("ja", "Confirm"),
        ] {
            let answer = try await fixture.ask(.get, path, as: nil, headers: [.acceptLanguage: language])
            #expect(answer.status == 200 && answer.body.contains(word), "\(language)")
            #expect(answer.body.contains("&lt;b&gt;&quot;Ann&quot; &amp; Co&lt;/b&gt; (me@sender.example)") && !answer.body.contains("<b>"))
            #expect(!answer.body.contains("ada@lead.example") && !answer.body.contains("<script") && !answer.body.contains("{sender}"))
            let lang = try #require(answer.body.firstMatch(of: /<html lang="([a-z]+)">/)?.1)
            #expect(answer.headers[.contentLanguage] == String(lang))
        }
        let answer = try await fixture.ask(.get, path, as: nil)
        #expect(answer.headers[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
        #expect(answer.headers[.referrerPolicy] == "no-referrer" && answer.headers[.robots] == "noindex, nofollow")
        #expect(answer.headers[.cacheControl] == "no-store" && answer.headers[.setCookie] == nil)
    }

    @Test("every language has every text")
    func languages() {
        for language in UnsubscribeTexts.languages {
            let texts = UnsubscribeTexts.of(language)
            #expect(Set(texts.choices.keys) == [.company, .workspace, .campaign, .pause], "\(language)")
            #expect(Set(texts.done.keys) == Set(PreferenceChoice.allCases), "\(language)")
            #expect(texts.intro.contains("{sender}") && (language == "en" || texts.title != UnsubscribeTexts.of("en").title), "\(language)")
            for text in [texts.failedTitle, texts.unavailable, texts.tooLarge] { #expect(!text.isEmpty, "\(language)") }
            #expect(language == "en" || texts.unavailable != UnsubscribeTexts.of("en").unavailable, "\(language)")
        }
    }

    @Test("whoever does not want to be noticed is not: mail that waits, mail to come, and, back on, only by the same word")
    func tracking() async throws {
        let (fixture, _, path) = try await ground()
        let mailbox = MailboxID(try await fixture.database.query("select mailbox_id from sends")[0].decode("mailbox_id", as: UUID.self))
        let track: (inout DeliveryRPC.PlannedSend) -> Void = { ($0.tracksOpens, $0.tracksClicks) = (true, true) }
        try await fixture.plan(one: "ada@lead.example", mailbox, edit: track)
        try await fixture.plan(one: "bo@lead.example", mailbox, edit: track)
        #expect(try await choose("tracking_off", fixture, path).body.contains("role=\"status\""))
        try await fixture.plan(one: "Ada@lead.example", mailbox, edit: track)
        #expect(try await fixture.number("select count(*) as n from send_contents where tracks_opens or tracks_clicks") == 1)
        #expect(try await fixture.suppressed(["ada@lead.example"]) == [])
        #expect(try await fixture.ask(.get, path, as: nil).body.contains("tracking_on"))
        // The company cannot take the person's word back.
        let removal = try await fixture.ask(.post, "/api/v1/tracking/opt-outs/remove", #"{"addresses":["ada@lead.example"]}"#)
        #expect(removal.body.contains(#""removed":0"#), "\(removal.body)")
        _ = try await choose("tracking_on", fixture, path)
        #expect(try await fixture.number("select count(*) as n from tracking_opt_outs") == 0)
    }

    @Test("who was erased and imported again is still not noticed")
    func trackingOfErased() async throws {
        let (fixture, _, path) = try await ground()
        let mailbox = MailboxID(try await fixture.database.query("select mailbox_id from sends")[0].decode("mailbox_id", as: UUID.self))
        _ = try await choose("tracking_off", fixture, path)
        try await fixture.erase("ada@lead.example")
        #expect(try await fixture.house.tables(holding: "ada@lead.example") == [])
        try await fixture.plan(one: "ada@lead.example", mailbox) { $0.tracksClicks = true }
        #expect(try await fixture.number("select count(*) as n from send_contents where tracks_clicks") == 0)
    }

    @Test("a link that is none of ours is nobody's, in the reader's language")
    func broken() async throws {
        let (fixture, _, path) = try await ground()
        for wrong in [path.dropLast(4) + "abcd", "/u/x", "/u/" + String(repeating: "a", count: 5_000)] {
            let answer = try await fixture.ask(.get, String(wrong), as: nil, headers: [.acceptLanguage: "de"])
            #expect(answer.status == 404 && answer.body.contains("nicht vollständig"))
            #expect(try await fixture.ask(.post, String(wrong), "List-Unsubscribe=One-Click", as: nil, headers: form).status == 404)
        }
        #expect(try await fixture.ask(.post, path, String(repeating: "a", count: 10_000), as: nil, headers: form).status == 413)
    }

    @Test("what fails is a page in the reader's language for people, and problem details for programs")
    func failures() async throws {
        let (fixture, _, path) = try await ground()
        let browser: HTTPFields = [.accept: "text/html,application/xhtml+xml,*/*;q=0.8", .acceptLanguage: "de", .contentType: form[.contentType]!]
        let large = try await fixture.ask(.post, path, String(repeating: "a", count: 10_000), as: nil, headers: browser)
        #expect(large.status == 413 && large.headers[.contentType] == "text/html; charset=utf-8", "\(large.body)")
        #expect(large.body.contains(UnsubscribeTexts.of("de").tooLarge.htmlEscaped))

        // Where nobody listens.
        var away = fixture.house.database.configuration(role: "delivery_worker")
        away.port = 1
        let house = fixture.house.house
        let suppressions = Suppressions(
            database: Database(away, connections: 1, maximumWait: .milliseconds(200)),
            erased: ErasedOptOuts(digests: AddressDigests(keyring: house.keyring)), outbox: house.outbox, clock: house.clock)
        let router = Router(context: AppContext.self)
        router.add(middleware: ProblemMiddleware())
        UnsubscribeRoutes(
            links: try fixture.links(), preferences: Preferences(suppressions: suppressions, feedback: fixture.service.reputation.feedback)
        ).add(to: router)
        let application = Application(router: router, logger: house.logger)
        try await application.test(.router) { client in
            for (method, body) in [(HTTPRequest.Method.get, nil), (.post, "choice=company")] as [(HTTPRequest.Method, String?)] {
                let sent = body.map { ByteBuffer(string: $0) }
                try await client.execute(uri: path, method: method, headers: browser, body: sent) { answer in
                    #expect(answer.status == .serviceUnavailable && answer.headers[.contentType] == "text/html; charset=utf-8")
                    #expect(answer.headers[.retryAfter] != nil && answer.headers[.cacheControl] == "no-store")
                    #expect(String(buffer: answer.body).contains(UnsubscribeTexts.of("de").unavailable.htmlEscaped))
                }
                try await client.execute(uri: path, method: method, headers: form, body: sent) { answer in
                    #expect(answer.status == .serviceUnavailable && answer.headers[.contentType] == "application/problem+json")
                }
            }
        }
    }

    @Test(
        "who names HTML wants a page; who takes anything, or rather JSON, does not",
        arguments: [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true), ("TEXT/HTML; q=0.5", true), ("*/*", false), ("", false),
            ("application/json, text/html;q=0.9", false), ("text/html;q=0.9, application/problem+json;q=0.1", true), ("text/html;q=0", false),
            ("application/json", false), ("text/plain", false), (nil, false),
        ] as [(String?, Bool)])
    func preference(accept: String?, isPage: Bool) {
        #expect(AcceptPage.isPreferred(by: accept) == isPage)
    }
}
