import Foundation
import TestSupport
import Testing

@testable import Delivery

private let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
private let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
private let gmail = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
private let outlook = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Microsoft Outlook 16.0.17328)"

@Suite("People and machines")
struct TrackingVerdictTests {
    private let networks: VisitorNetworks
    private let sent = Date(timeIntervalSince1970: 1_800_000_000)

    init() throws {
        networks = try VisitorNetworks(VisitorNetworks.known)
    }

    /// One request of a trace: what, which link, how long after the mail went out, by what and from where.
    private struct Step {
        var kind = TrackingToken.Kind.click
        var link = 0
        var after: TimeInterval
        var agent = chrome
        var address = "198.51.100.7"
        var purpose: String?
    }

    private func verdicts(_ trace: [Step], links: Int = 3) -> [HitVerdict] {
        let hits = trace.map { step in
            TrackedHit(
                kind: step.kind, link: step.link, links: links,
                visitor: Visitor(.init(userAgent: step.agent, address: step.address, purpose: step.purpose), networks: networks),
                at: sent.addingTimeInterval(step.after))
        }
        return hits.map { HitVerdict($0, among: hits, sentAt: sent) }
    }

    /// Traces of machines, as their makers' behaviour is described in public, moved about a little by chance.
    private func scannerTraces(_ random: inout SeededRandom) -> [[Step]] {
        func spread(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &random) }
        let begin = spread(0...7_200)
        return [
            // A gateway that opens every link in the first seconds, as a browser.
            (0..<3).map { Step(link: $0, after: spread(0...9)) },
            // One that takes its time, and follows all of them at once.
            (0..<3).map { Step(link: $0, after: 60 + begin + spread(0...2)) },
            // One that names itself.
            [Step(after: begin, agent: "Mozilla/5.0 (compatible; Proofpoint URL Defense)")],
            [Step(after: begin, agent: "BarracudaCentral/1.0")],
            // One from the network of a scanner, as a browser.
            [Step(after: 60 + begin, address: "67.231.150.9")], [Step(after: 60 + begin, address: "104.47.3.9")],
            // A detonation in a rented machine.
            [Step(after: 60 + begin, address: "3.15.7.8")], [Step(after: 60 + begin, address: "20.50.7.8")],
            // One that finds the hidden link before or after a visible one.
            [Step(after: 60 + begin), Step(kind: .hidden, after: 60 + begin + spread(0...15))],
            [Step(kind: .hidden, after: 60 + begin), Step(link: 2, after: 60 + begin + spread(0...50))],
            // Scripts, previews and monitors.
            [Step(after: begin, agent: "curl/8.5.0")], [Step(after: begin, agent: "python-requests/2.32")], [Step(after: begin, agent: "")],
            [Step(after: begin, agent: "Slackbot-LinkExpanding 1.0")], [Step(after: begin, agent: "WhatsApp/2.24")],
            [Step(after: begin, agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36")],
            // Images fetched ahead: Apple's proxies, a browser's prefetch, a proxy in the moment of the delivery.
            [Step(kind: .open, after: begin, agent: "Mozilla/5.0")], [Step(kind: .open, after: begin, agent: iphone, address: "17.58.1.2")],
            [Step(kind: .open, after: 60 + begin, purpose: "prefetch;prerender")], [Step(kind: .open, after: spread(0...2), agent: gmail)],
            [Step(kind: .open, after: begin, agent: "Outlook-Protection-Scanner/1")],
            // An image proxy does not click.
            [Step(after: 60 + begin, agent: gmail)],
        ]
    }

    @Test("replayed traces of scanners count fewer than one hit in a hundred for a person's", arguments: 0..<20)
    func scanners(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var (all, human) = (0, 0)
        for _ in 0..<20 {
            for trace in scannerTraces(&random) {
                let found = verdicts(trace)
                all += found.count
                human += found.count { $0 == .human }
            }
        }
        #expect(all > 400 && Double(human) < 0.01 * Double(all), "\(human) of \(all)")
    }

    @Test("people are people: by browser, phone, Outlook and Gmail, one link after another, also after a machine was there")
    func people() {
        #expect(verdicts([Step(kind: .open, after: 90, agent: gmail, address: "66.249.84.7")]) == [.human])
        #expect(verdicts([Step(kind: .open, after: 40, agent: outlook), Step(after: 55)]) == [.human, .human])
        #expect(
            verdicts([Step(kind: .open, after: 4_000, agent: iphone), Step(after: 4_020, agent: iphone, address: "2a00:23c5::1")]) == [
                .human, .human,
            ])
        #expect(verdicts([Step(link: 0, after: 60), Step(link: 1, after: 75), Step(link: 2, after: 90)]) == [.human, .human, .human])
        // Twice the same link in a second is an impatient finger.
        #expect(verdicts([Step(link: 1, after: 60), Step(link: 1, after: 60.5)]) == [.human, .human])
        // The scanner in the first seconds does not make a machine of who reads an hour later.
        let late = verdicts([Step(link: 0, after: 2), Step(link: 1, after: 2.2), Step(kind: .hidden, after: 2.4), Step(link: 0, after: 3_600)])
        #expect(late == [.machine, .machine, .machine, .human])
    }

    @Test("a mail that is not known to be out was read by nobody")
    func unsent() {
        let hit = TrackedHit(kind: .click, link: 0, links: 1, visitor: .person, at: sent)
        #expect(HitVerdict(hit, among: [hit], sentAt: nil) == .machine)
    }

    @Test(
        "the built-in networks are what their owners publish, and nothing beside",
        arguments: [
            // Of 20.0.0.0/8, what Azure rents out, and what it does not.
            ("20.50.7.8", .cloud), ("20.128.0.1", nil), ("20.144.0.1", nil), ("3.15.7.8", .cloud), ("35.192.0.1", .cloud),
            // Mail is scanned here; images are fetched there for people who look.
            ("40.107.3.9", .scanner), ("40.94.1.1", .scanner), ("2a01:111:f403::9", .scanner), ("40.96.1.1", nil), ("52.97.1.1", nil),
            // A gateway for people who browse, and what fetches images for readers of Gmail.
            ("85.115.33.1", nil), ("66.249.84.7", nil), ("66.249.66.1", .cloud), ("17.58.1.2", .prefetcher), ("148.163.130.1", .scanner),
        ] as [(String, VisitorNetworks.Kind?)])
    func published(_ address: String, _ kind: VisitorNetworks.Kind?) throws {
        #expect(try networks.kind(of: #require(IPAddress(address))) == kind)
    }

    @Test("no network of the built-in table is so wide that nobody publishes it; Apple's is its own from the beginnings of the Internet")
    func narrow() {
        let words = VisitorNetworks.known.split(whereSeparator: \.isNewline).flatMap { $0.prefix { $0 != "#" }.split(separator: " ") }
        let wide = words.filter { word in !word.contains(":") && word.split(separator: "/").last.flatMap { Int($0) }.map { $0 < 9 } ?? false }
        #expect(wide == ["17.0.0.0/8"])
        #expect(Set(words).count == words.count - words.count { VisitorNetworks.Kind(rawValue: String($0)) != nil } + 3)
    }

    @Test("of two networks the narrower says what an address is; what is no network is refused with its line")
    func tables() throws {
        let networks = try VisitorNetworks("cloud 10.0.0.0/8\nscanner 10.1.0.0/16 # narrower\n\n", "prefetcher 2001:db8::/32")
        #expect(try networks.kind(of: #require(IPAddress("10.1.2.3"))) == .scanner)
        #expect(try networks.kind(of: #require(IPAddress("10.2.2.3"))) == .cloud)
        #expect(try networks.kind(of: #require(IPAddress("::ffff:10.2.2.3"))) == .cloud)
        #expect(try networks.kind(of: #require(IPAddress("2001:db8:1::1"))) == .prefetcher)
        #expect(try networks.kind(of: #require(IPAddress("11.0.0.1"))) == nil)
        let many = try VisitorNetworks("cloud 192.0.2.0/24 198.51.100.0/24 # two")
        #expect(try networks.kind(of: #require(IPAddress("198.51.100.9"))) == nil)
        #expect(try many.kind(of: #require(IPAddress("192.0.2.9"))) == .cloud && many.kind(of: #require(IPAddress("198.51.100.9"))) == .cloud)
        for wrong in ["cloud 10.0.0.1/8", "cloud 10.0.0.0", "fog 10.0.0.0/8", "cloud 10.0.0.0/33", "cloud ::/129", "cloud", "cloud 10.0.0.0/8 ff"] {
            #expect(throws: VisitorNetworks.Malformed(line: 2)) { try VisitorNetworks("# first\n\(wrong)") }
        }
        #expect(IPAddress("not an address") == nil)
    }
}
