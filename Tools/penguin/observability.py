"""What is counted, documented, alarmed and drawn is the same: the table of docs/observability.md, what the services say with --metrics, the names in
the alert rules and in the dashboard."""

import json
import re

from penguin.layout import ROOT

FOLDER = ROOT / "Tools" / "observability"
ALERTS = FOLDER / "alerts.yml"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "penguinmails.json"
PAGE = ROOT / "docs" / "observability.md"

# Of Prometheus itself.
FOREIGN = {"up"}
WORDS = {
    "abs", "and", "avg", "bool", "by", "clamp_min", "count", "histogram_quantile", "ignoring", "increase", "max", "min", "on", "or", "rate", "sum",
    "time", "topk", "unless", "without",
}
CELL = r"\|[ ]*([^|\n]*?)[ ]*"
ROW = re.compile(r"^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) " + CELL * 4 + r"\|$", re.MULTILINE)
EXPRESSION = re.compile(r"^( +)expr: (?:\|\n((?:\1 +.*\n)+)|(.*)\n)", re.MULTILINE)


def told(lines):
    """What a service says with --metrics: name → (kind, labels)."""
    return {words[0]: (words[1], tuple(words[2:])) for words in (line.split() for line in lines if line.strip())}


def documented(page):
    """The table: name → (kind, labels, services, alerts)."""
    rows = {}
    for name, kind, labels, _, services, alerts in ROW.findall(page):
        rows[name] = (kind, _words(labels), _words(services), _words(alerts))
    return rows


def _words(cell):
    return tuple(word.strip().strip("`") for word in cell.split(",") if word.strip())


def names(expression):
    """The metrics in an expression of PromQL, histograms by the name of the whole."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    found = set(re.findall(r"\b[a-z_][a-z0-9_]*\b", bare)) - WORDS - FOREIGN
    return {re.sub(r"_seconds_(bucket|sum|count)$", "_seconds", name) for name in found}


def alerts(text):
    """Name → names of the metrics in its expression."""
    found = {}
    for part in re.split(r"^ +- alert: ", text, flags=re.MULTILINE)[1:]:
        match = EXPRESSION.search(part)
        found[part.split("\n", 1)[0].strip()] = names(match.group(2) or match.group(3))
    return found


def drawn(dashboard):
    """Title of a panel → names of the metrics that it shows."""
    return {
        panel["title"]: set().union(*(names(target["expr"]) for target in panel["targets"]))
        for panel in dashboard["panels"] if panel["type"] != "row"}


def faults(answered):
    """`answered`: service → lines such as `outbox_events gauge state`."""
    services = {service: told(lines) for service, lines in answered.items()}
    page, rules, dashboard = documented(PAGE.read_text()), alerts(ALERTS.read_text()), drawn(json.loads(DASHBOARD.read_text()))
    return table_faults(services, page) + use_faults(page, rules, dashboard)


def table_faults(services, page):
    """Where the table and the services differ."""
    found = []
    counted = {}
    for service, metrics in services.items():
        for name, (kind, labels) in metrics.items():
            counted.setdefault(name, (kind, labels, set()))[2].add(service)
            if counted[name][:2] != (kind, labels):
                found.append(f"{name} is not the same in {service} as elsewhere")
    for name, (kind, labels, tellers) in sorted(counted.items()):
        if name not in page:
            found.append(f"{name} is not in docs/observability.md")
            continue
        expected = ("all",) if tellers == set(services) else tuple(sorted(tellers))
        if page[name][:3] != (kind, labels, expected):
            found.append(f"docs/observability.md says of {name} {page[name][:3]}, the services say {(kind, labels, expected)}")
    return found + [f"docs/observability.md has {name}, which nobody counts" for name in sorted(set(page) - set(counted))]


def use_faults(page, rules, dashboard):
    """Where rules or panels use what is not counted, or the table names other alerts than use a metric."""
    found = [f"the alert {rule} uses {name}, which is not in the table" for rule, used in rules.items() for name in sorted(used - set(page))]
    found += [f"the panel '{panel}' shows {name}, which is not in the table" for panel, used in dashboard.items() for name in sorted(used - set(page))]
    for name, (_, _, _, named) in sorted(page.items()):
        using = tuple(sorted(rule for rule, used in rules.items() if name in used))
        if tuple(sorted(named)) != using:
            found.append(f"docs/observability.md names {named} as the alerts that use {name}; it is {using}")
    return found
