import Contracts
import Foundation

/// What is noticed of one mail, and under which address: decided when it is taken into hands.
struct DeliveryTracking: Sendable, Equatable {
    var opens: Bool
    var clicks: Bool
    var hiddenLink: Bool
    /// `https://host`, without a slash at its end.
    var base: String
}

/// Puts tracked addresses into a mail's HTML: the values of its links change, an image and a hidden link come before its end, and no other byte.
struct MailTracker: Sendable {
    let tokens: TrackingTokens
    /// Links that begin so are never touched: those by which people leave.
    let untouched: [String]

    func html(_ html: String, tenant: TenantID, send: SendID, _ tracking: DeliveryTracking) throws -> String {
        guard tracking.opens || tracking.clicks else { return html }
        let bytes = Array(html.utf8)
        let found = HTMLLinks(bytes)
        func address(_ path: String, _ token: TrackingToken) throws -> String {
            "\(tracking.base)/t/\(path)/\(try tokens.text(of: token))"
        }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 1_024)
        var copied = 0
        var additions = ""
        var count = 0
        if tracking.clicks {
            let links = found.values.compactMap { value in
                LinkDestination.read(bytes[value]).flatMap { destination in isTracked(destination) ? (value, destination) : nil }
            }.prefix(Int(UInt16.max))
            count = links.count
            for (index, link) in links.enumerated() {
                let token = TrackingToken(
                    kind: .click, tenant: tenant, send: send, link: UInt16(index), links: UInt16(count), destination: link.1)
                result += bytes[copied..<link.0.lowerBound]
                result += try address("c", token).utf8
                copied = link.0.upperBound
            }
            if tracking.hiddenLink, count > 0 {
                let hidden = try address("c", TrackingToken(kind: .hidden, tenant: tenant, send: send, links: UInt16(count)))
                additions += #"<a href="\#(hidden)" style="display:none" tabindex="-1" aria-hidden="true" rel="nofollow"></a>"#
            }
        }
        if tracking.opens {
            let image = try address("o", TrackingToken(kind: .open, tenant: tenant, send: send, links: UInt16(count)))
            additions += #"<img src="\#(image)" width="1" height="1" alt="" style="border:0;width:1px;height:1px">"#
        }
        // Inside something that has no end an image would be text, or nothing.
        if let end = found.bodyEnd ?? (found.endsInText ? bytes.count : nil), end >= copied {
            result += bytes[copied..<end]
            result += additions.utf8
            copied = end
        }
        result += bytes[copied...]
        return String(decoding: result, as: UTF8.self)
    }

    private func isTracked(_ destination: String) -> Bool {
        !untouched.contains { destination.hasPrefix($0) }
    }
}
