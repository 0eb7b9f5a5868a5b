import Contracts
import Foundation
import Primitives
import TestSupport
import Testing

@testable import Delivery

/// What stands in the paths of tracking and unsubscribe links, broken: it opens nothing, or exactly what it was made for.
@Suite("Foreign bytes: links of mails")
struct LinkTokenFuzzTests {
    @Test("a changed token opens nothing, or what it opened before")
    func links() throws {
        let keyring = try Keyring(current: "k1", keys: ["k1": randomBytes(32)])
        let tokens = TrackingTokens(keyring: keyring)
        let token = TrackingToken(
            kind: .click, tenant: TenantID(UUID()), send: SendID(UUID()), link: 513, links: 1_000, destination: "https://a.example/?x=1")
        let text = try tokens.text(of: token)
        let links = try UnsubscribeLinks(keyring: keyring, baseURL: try #require(URL(string: "https://x.example")))
        let (tenant, send) = (TenantID(UUID()), SendID(UUID()))
        let link = String(links.link(tenant: tenant, send: send).dropFirst("https://x.example/u/".count))
        #expect(tokens.open(text) == token && links.open(link)?.send == send)
        for input in try FuzzRun("unsubscribe", tokens: [".", "..", "=", "-", "_", "A", "AAAA", "k1.", "v1.k1.", "k2"]) {
            var mutator = input.mutator
            let before = threadSeconds()
            let made = String(decoding: mutator.next(from: [Array(text.utf8), input.bytes]), as: UTF8.self)
            if let opened = tokens.open(made) { try #require(opened == token, "\(input.name)") }
            for bytes in [input.bytes, mutator.next(from: [Array(link.utf8)])] {
                guard let opened = links.open(String(decoding: bytes, as: UTF8.self)) else { continue }
                try #require(opened.tenant == tenant && opened.send == send, "\(input.name)")
            }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
    }
}
