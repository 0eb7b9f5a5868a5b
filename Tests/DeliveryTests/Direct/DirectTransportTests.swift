import Foundation
import Mail
import TestSupport
import Testing

@testable import Delivery

@Suite("Mail straight to its recipients' servers")
struct DirectTransportTests {
    @Test("servers are tried by preference; one that is away or refuses to talk is passed over, and rests")
    func fallOver() async throws {
        let ground = try await DirectGround.make([
            "127.0.0.2": .init(["mx2.reader.example"]), "127.0.0.4": .init(["mx1.reader.example"], greeting: "554 5.3.2 not you"),
        ])
        try ground.dns.publish([
            "reader.example": ["MX": ["30 mx2.reader.example", "10 mx0.reader.example", "20 mx1.reader.example"]],
            "mx0.reader.example": ["A": ["127.0.0.9"]], "mx1.reader.example": ["A": ["127.0.0.4"]], "mx2.reader.example": ["A": ["127.0.0.2"]],
        ])
        #expect(try await ground.send(to: "lead@reader.example").result.brief == "accepted 250")
        let mail = try #require(try ground.exchanges.mails().first)
        #expect(mail.host == "127.0.0.2" && mail.tls == true && mail.sender == "me@sender.example" && mail.name == "mta.operator.example")
        let health = try ground.transport.health
        #expect(!health.isFit("mx0.reader.example") && !health.isFit("mx1.reader.example") && health.isFit("mx2.reader.example"))
        // Neither is asked again meanwhile.
        #expect(try await ground.send(to: "lead@reader.example").result.brief == "accepted 250")
        #expect(try ground.exchanges.log().filter { $0.event == "session" && $0.host == "127.0.0.4" }.count == 1)
        ground.advance(.seconds(31))
        #expect(health.isFit("mx0.reader.example"))
    }

    @Test("where no server answers, mail waits, with a status that makes the destination rest")
    func nobody() async throws {
        let ground = try await DirectGround.make(["127.0.0.2": .init(["mx.other.example"])])
        try ground.dns.publish(["reader.example": ["MX": ["10 mx0.reader.example"]], "mx0.reader.example": ["A": ["127.0.0.9"]]])
        for _ in 0..<2 {
            let result = try await ground.send(to: "lead@reader.example").result
            guard case .deferred(let code, let text) = result else {
                Issue.record("\(result)")
                return
            }
            #expect(DestinationPauses.isRefusalOfSender(code: code, text: text), "\(text)")
        }
    }

    @Test("null MX, a domain that is none, and no answer from DNS are told apart; without MX the domain itself takes its mail")
    func noServers() async throws {
        let ground = try await DirectGround.make(["127.0.0.2": .init(["bare.example"])])
        try ground.dns.publish([
            "null.example": ["MX": ["0 ."]], "bare.example": ["A": ["127.0.0.2"]], "lost.example": ["MX": ["10 mx.lost.example"]],
            "broken.example": .init(fault: "servfail"),
        ])
        #expect(try await ground.send(to: "lead@null.example").result.brief == "refused 556 5.1.10")
        #expect(try await ground.send(to: "lead@nowhere.example").result.brief == "refused 550 5.1.2")
        #expect(try await ground.send(to: "lead@bare.example").result.brief == "accepted 250")
        #expect(try await ground.send(to: "lead@lost.example").result.brief == "deferred 451 4.4.4")
        #expect(try await ground.send(to: "lead@broken.example").result.brief == "deferred 451 4.4.3")
    }

    @Test("servers inside are not spoken to where only the Internet may be reached")
    func reach() async throws {
        let ground = try await DirectGround.make(["127.0.0.2": .init(["mx.reader.example"])], more: ["delivery.smtp.reach": "public"])
        try ground.dns.publish(["reader.example": ["MX": ["10 mx.reader.example"]], "mx.reader.example": ["A": ["127.0.0.2"]]])
        let result = try await ground.send(to: "lead@reader.example").result
        #expect(result.brief == "deferred 451 4.4.2", "\(result)")
        #expect(try ground.exchanges.log().isEmpty)
    }

    @Test("mails after one another share a connection; replies to a recipient are the mail's own")
    func reuse() async throws {
        let ground = try await DirectGround.make(["127.0.0.2": .init(["mx.reader.example"])])
        try ground.dns.publish(["reader.example": ["MX": ["10 mx.reader.example"]], "mx.reader.example": ["A": ["127.0.0.2"]]])
        for _ in 0..<3 { #expect(try await ground.send(to: "lead@reader.example").result.brief == "accepted 250") }
        let refused = try await ground.send(to: "unknown@reader.example")
        #expect(refused.result.brief == "refused 550 5.1.1" && refused.transcript?.contains("S: 550 5.1.1") == true)
        #expect(try await ground.send(to: "later@reader.example").result.brief == "deferred 450 4.2.0")
        #expect(try await ground.send(to: "lead@reader.example").result.brief == "accepted 250")
        #expect(Set(try ground.exchanges.mails().map(\.session)).count == 1)
        #expect(try ground.exchanges.log().filter { $0.event == "session" }.count == 1)
        #expect(try await ground.counted() == ["no-policy-found  mx.reader.example  1"])
    }

    @Test("without a policy, encryption is welcome and no more")
    func opportunistic() async throws {
        let ground = try await DirectGround.make([
            "127.0.0.2": .init(["mx.elsewhere.example"], authority: "other"), "127.0.0.3": .init(["mx.plain.example"], tls: false),
        ])
        try ground.dns.publish([
            "reader.example": ["MX": ["10 mx.reader.example"]], "mx.reader.example": ["A": ["127.0.0.2"]],
            "plain.example": ["MX": ["10 mx.plain.example"]], "mx.plain.example": ["A": ["127.0.0.3"]],
        ])
        #expect(try await ground.send(to: "lead@reader.example").result.brief == "accepted 250")
        #expect(try await ground.send(to: "lead@plain.example").result.brief == "accepted 250")
        #expect(try ground.exchanges.mails().map(\.tls) == [true, false])
        #expect(
            try await ground.counted() == [
                "no-policy-found starttls-not-supported mx.plain.example  1", "no-policy-found  mx.reader.example  1",
            ])
    }
}
