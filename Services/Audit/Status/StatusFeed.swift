import Contracts
import Foundation
import HTTP

/// The incidents of the last 90 days as an Atom feed (RFC 4287): an entry an incident, which is updated with each word that is said of it.
struct StatusFeed {
    let snapshot: StatusSnapshot
    /// The site's public address, without a slash at its end; empty: links are relative.
    let address: String

    /// Names the feed for ever, wherever it is served.
    private static let identifier = "urn:uuid:6f1d2b0e-6a5c-4f0e-9f57-3c1a0b7f4e11"

    var xml: String {
        let incidents = snapshot.history.incidents
        let updated = incidents.map(\.updatedAt).max() ?? Date(timeIntervalSince1970: 0)
        return """
            <?xml version="1.0" encoding="utf-8"?>
            <feed xmlns="http://www.w3.org/2005/Atom"><title>PenguinMails status</title><id>\(Self.identifier)</id>
            <updated>\(WireJSON.format(updated))</updated><author><name>PenguinMails</name></author>
            <link rel="self" href="\(address.htmlEscaped)/status/feed.atom"/><link href="\(address.htmlEscaped)/status"/>
            \(note)\(incidents.map(entry).joined())</feed>

            """
    }

    /// No entry means that nothing happened, unless it says otherwise.
    private var note: String {
        snapshot.history.readAt == nil ? "<subtitle>Earlier incidents are not available at the moment.</subtitle>" : ""
    }

    private func entry(_ incident: Incident) -> String {
        let text = incident.updates.map { "\($0.state.rawValue), \(WireJSON.format($0.at)): \($0.message)" }.joined(separator: "\n\n")
        return """
            <entry><title>\(incident.title.htmlEscaped)</title><id>urn:uuid:\(incident.id)</id>
            <published>\(WireJSON.format(incident.startedAt))</published><updated>\(WireJSON.format(incident.updatedAt))</updated>
            <link href="\(address.htmlEscaped)/status#\(incident.id)"/><category term="\(incident.impact.rawValue)"/>
            <content type="text">\(text.htmlEscaped)</content></entry>

            """
    }
}
