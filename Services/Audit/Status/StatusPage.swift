import Contracts
import Foundation
import HTTP

/// The status as a page: no scripts, nothing loaded but its own style sheet, no text of anybody unescaped.
struct StatusPage {
    let snapshot: StatusSnapshot

    static let days = 90

    var html: String {
        """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
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
        :root {
            color-scheme: light dark; --ground: #f6f7f9; --page: #fff; --text: #171b21; --quiet: #5a6472; --line: #dfe3e8; --accent: #1f5fd6;
            --operational: #14713a; --degraded: #8a5300; --down: #b3261e; --maintenance: #1f5fd6; --unknown: #5a6472; --bar: #dfe3e8;
        }
        @media (prefers-color-scheme: dark) {
            :root {
                --ground: #0b0d10; --page: #171a20; --text: #e7eaef; --quiet: #9ba6b5; --line: #2a303a; --accent: #7fb0ff;
                --operational: #58c985; --degraded: #f0b24a; --down: #ff8f87; --maintenance: #7fb0ff; --unknown: #9ba6b5; --bar: #2f3641;
            }
        }
        body { font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; margin: 0; color: var(--text); background: var(--ground); }
        main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem; overflow-wrap: anywhere; }
        h1 { font-size: 1.5rem; margin: 0 0 1.5rem; padding: 1rem; border: 1px solid var(--line); border-left: .5rem solid var(--unknown);
            border-radius: 8px; background: var(--page); }
        h1.operational { border-left-color: var(--operational); } h1.degraded { border-left-color: var(--degraded); }
        h1.down { border-left-color: var(--down); } h1.maintenance { border-left-color: var(--maintenance); }
        h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 0; }
        article, table { background: var(--page); border: 1px solid var(--line); border-radius: 8px; margin: 0 0 .75rem; }
        article { padding: .75rem 1rem; } article p { margin: .25rem 0; } article > p, li time { color: var(--quiet); }
        article ol { list-style: none; margin: .5rem 0 0; padding: 0; } article li { padding: .4rem 0; border-top: 1px solid var(--line); }
        article li strong { display: inline-block; margin-right: .5rem; }
        table { width: 100%; border-collapse: separate; border-spacing: 0; }
        caption { text-align: left; font-size: 1.1rem; font-weight: 600; padding: 1.5rem 0 .5rem; }
        th, td { text-align: left; padding: .5rem .75rem; } tbody th, tbody td { border-top: 1px solid var(--line); }
        thead th { color: var(--quiet); font-weight: 500; } td:nth-child(2), td:nth-child(3), td:nth-child(5) { white-space: nowrap; } td:nth-child(5) { color: var(--quiet); }
        td:nth-child(4) { width: 45%; }
        svg { display: block; width: 100%; height: 1.75rem; }
        rect { fill: var(--bar); }
        rect.operational { fill: var(--operational); } rect.degraded { fill: var(--degraded); } rect.down { fill: var(--down); }
        rect.maintenance { fill: var(--maintenance); }
        td.operational { color: var(--operational); } td.degraded { color: var(--degraded); } td.down { color: var(--down); }
        td.maintenance { color: var(--maintenance); }
        a { color: var(--accent); } :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        .text { white-space: pre-line; color: var(--text); }
        @media (max-width: 45rem) {
            thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
            tbody tr { display: grid; grid-template-columns: 1fr auto; border-top: 1px solid var(--line); padding: .5rem .75rem; }
            tbody th, tbody td { border: 0; padding: .1rem 0; } td:nth-child(4), td:nth-child(5) { grid-column: 1 / -1; width: auto; }
            tbody tr > :nth-child(3) { grid-row: 2; } tbody tr > :nth-child(4) { grid-row: 3; } tbody tr > :nth-child(5) { grid-row: 2; }
            tbody tr > :nth-child(5) { grid-column: 2; }
        }

        """
}

extension ComponentStatus {
    /// As the page says it of the whole.
    fileprivate var words: String {
        switch self {
        case .operational: "operational"
        case .maintenance: "operational, with maintenance in progress"
        case .degraded: "degraded: some parts are slow or fail at times"
        case .down: "down in part: see below which parts"
        case .unknown: "not being measured at the moment"
        }
    }
}
