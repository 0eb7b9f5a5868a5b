import Contracts
import Foundation
import HTTP

/// The status as a page: no scripts, nothing loaded but its own style sheet, no text of anybody unescaped.
struct StatusPage {
    let snapshot: StatusSnapshot

    static let days = 90

    var html: String {
        """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>PenguinMails status</title><link rel="stylesheet" href="/status/style.css">
        <link rel="alternate" type="application/atom+xml" title="Incidents" href="/status/feed.atom"></head><body><main>
        <h1 class="\(snapshot.overall.rawValue)">PenguinMails is \(snapshot.overall.words)</h1>
        \(openIncidents)\(maintenances)
        <table><caption>Parts of the service, and the last \(Self.days) days</caption>
        <thead><tr><th scope="col">Part</th><th scope="col">Now</th><th scope="col">Uptime</th><th scope="col">Days</th>
        <th scope="col">Checked</th></tr></thead>
        <tbody>\(snapshot.components.map(row).joined())</tbody></table>
        \(past)<p><a href="/status/feed.atom">Atom feed of incidents</a> · <a href="/api/v1/status">as JSON</a></p></main></body></html>
        """
    }

    private func row(_ component: StatusBoard.Component) -> String {
        let uptime = component.uptimePercent.map(Self.percent) ?? "–"
        let checked = component.checkedAt.map(Self.time) ?? "never"
        let today = UptimeDay.number(of: snapshot.at)
        // Grey bars would say that nobody measured.
        let bars =
            snapshot.history.readAt == nil
            ? "not available at the moment" : Self.bars(snapshot.history.days[component.name] ?? [], today: today, uptime: uptime)
        return """
            <tr><th scope="row">\(StatusPart.title(of: component.name).htmlEscaped)</th>
            <td class="\(component.status.rawValue)">\(component.status.rawValue)</td><td>\(uptime)</td><td>\(bars)</td><td>\(checked)</td></tr>
            """
    }

    /// One bar a day, the newest at the right; each says in words what its colour means.
    static func bars(_ days: [UptimeDay], today: Int, uptime: String) -> String {
        let known = Dictionary(days.map { ($0.day, $0) }, uniquingKeysWith: { first, _ in first })
        let bars = (0..<Self.days).map { index -> String in
            let day = today - Self.days + 1 + index
            let found = known[day]
            let look = found?.look ?? .unknown
            let title = "\(CivilDay.text(of: day)): \(found.map(description) ?? "not measured")"
            return "<rect class=\"\(look.rawValue)\" x=\"\(index * 10)\" width=\"8\" height=\"34\"><title>\(title)</title></rect>"
        }
        return "<svg viewBox=\"0 0 \(Self.days * 10) 34\" role=\"img\" aria-label=\"Uptime of \(Self.days) days: \(uptime)\">\(bars.joined())</svg>"
    }

    private static func description(_ day: UptimeDay) -> String {
        let parts = [(day.down, "down"), (day.degraded, "degraded"), (day.maintenance, "in maintenance")]
            .filter { $0.0 > 0 }.map { "\($0.0) min \($0.1)" }
        let share = UptimeDay.percent([day]).map(percent) ?? "no uptime counted"
        return ([share] + parts).joined(separator: ", ")
    }

    private var openIncidents: String {
        let open = snapshot.openIncidents
        return open.isEmpty ? "" : "<h2>Open incidents</h2>" + open.map(Self.article).joined()
    }

    private var maintenances: String {
        let announced = snapshot.maintenances
        guard !announced.isEmpty else { return "" }
        let items = announced.map { maintenance in
            """
            <article><h3>\(maintenance.title.htmlEscaped)</h3>
            <p>\(Self.time(maintenance.startsAt)) to \(Self.time(maintenance.endsAt)) · \(Self.parts(maintenance.components))</p>
            <p class="text">\(maintenance.message.htmlEscaped)</p></article>
            """
        }
        return "<h2>Maintenance</h2>" + items.joined()
    }

    private var past: String {
        guard snapshot.history.readAt != nil else {
            return "<h2>Past incidents</h2><p>The history is not available at the moment; the states above are current.</p>"
        }
        let past = snapshot.recentIncidents.filter { !$0.isOpen }
        return "<h2>Incidents of the last seven days</h2>" + (past.isEmpty ? "<p>None.</p>" : past.map(Self.article).joined())
    }

    private static func article(_ incident: Incident) -> String {
        let updates = incident.updates.map { update in
            "<li><strong>\(update.state.rawValue)</strong> \(time(update.at))<p class=\"text\">\(update.message.htmlEscaped)</p></li>"
        }
        return """
            <article id="\(incident.id)"><h3>\(incident.title.htmlEscaped)</h3>
            <p>\(incident.impact.rawValue) · since \(time(incident.startedAt)) · \(parts(incident.components))</p>
            <ol>\(updates.joined())</ol></article>
            """
    }

    private static func parts(_ names: [String]) -> String {
        names.isEmpty ? "general" : names.map { StatusPart.title(of: $0).htmlEscaped }.joined(separator: ", ")
    }

    private static func percent(_ value: Double) -> String {
        String(format: "%.2f %%", value)
    }

    private static func time(_ instant: Date) -> String {
        let text = WireJSON.format(instant)
        let words = text.prefix(16).replacingOccurrences(of: "T", with: " ")
        return "<time datetime=\"\(text)\">\(words) UTC</time>"
    }

    /// Served from the same origin, since the page's policy takes no style from anywhere else.
    static let style = """
        body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #1b1f24; background: #fff; }
        main { max-width: 64rem; margin: 0 auto; padding: 1.5rem; }
        table { width: 100%; border-collapse: collapse; }
        caption { text-align: left; font-weight: 600; padding: .5rem 0; }
        th, td { text-align: left; padding: .4rem .6rem .4rem 0; border-top: 1px solid #d8dee4; }
        svg { width: 100%; min-width: 12rem; height: 2rem; }
        rect { fill: #d8dee4; }
        rect.operational { fill: #1a7f37; } rect.degraded { fill: #bf8700; } rect.down { fill: #cf222e; } rect.maintenance { fill: #0969da; }
        td.operational { color: #1a7f37; } td.degraded { color: #7d4e00; } td.down { color: #cf222e; } td.maintenance { color: #0550ae; }
        h1 { padding: .75rem 1rem; border-left: .5rem solid #6e7781; }
        h1.operational { border-color: #1a7f37; } h1.degraded { border-color: #bf8700; } h1.down { border-color: #cf222e; }
        h1.maintenance { border-color: #0969da; }
        article { border-top: 1px solid #d8dee4; }
        .text { white-space: pre-line; overflow-wrap: anywhere; }
        @media (prefers-color-scheme: dark) {
            body { color: #e6edf3; background: #0d1117; } th, td, article { border-color: #30363d; } rect { fill: #30363d; } a { color: #58a6ff; }
            td.operational { color: #3fb950; } td.degraded { color: #d29922; } td.down { color: #ff7b72; } td.maintenance { color: #58a6ff; }
        }

        """
}

extension ComponentStatus {
    /// As the page says it of the whole.
    fileprivate var words: String {
        switch self {
        case .maintenance: "operational, with maintenance in progress"
        case .operational, .degraded, .down, .unknown: rawValue
        }
    }
}
