"""The development DNS server as a component, and how records come into its zone."""

import sys

from penguin.component import Component, answers
from penguin.layout import ROOT, read_json, write_private_json


def component(layout, port):
    if not layout.zone.exists():
        write_private_json(layout.zone, {})
    command = [sys.executable, str(ROOT / "Tools" / "dnsserver"), "--port", str(port), "--zone", str(layout.zone)]
    return Component(
        "dns", command, layout.log("dns"), missing=lambda _: None if answers(port) else f"nobody listens on port {port}", stop_seconds=5)


def publish(layout, domain, records):
    """Puts the records that the API asked for into the zone, as their owner would at a DNS provider; with a mail server for the domain."""
    zone = read_json(layout.zone, {})
    zone[domain] = {"MX": [f"10 mail.{domain}"]}
    zone[f"mail.{domain}"] = {"A": ["127.0.0.1"]}
    for record in records:
        if record.get("value") is not None and record["type"] != "MX":
            zone.setdefault(record["name"], {}).setdefault(record["type"], []).append(record["value"])
    write_private_json(layout.zone, zone)
