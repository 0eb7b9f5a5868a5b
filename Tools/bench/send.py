"""Mails a second of a whole campaign, beside a bare smtplib loop on one connection to the same mail server."""

import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from penguin import demo, services
from penguin.layout import ROOT, Layout, read_json
from penguin.mail import DOMAIN
from penguin.terminal import Failure, say

ROWS = 4_000
BESIDE_MAILS = 2_000


def run(options):
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    layout = Layout()
    stack = demo.running_stack(layout, options.no_build)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            leads = Path(scratch, "leads.csv")
            with open(leads, "wb") as file:
                subprocess.run([sys.executable, str(ROOT / "Tools" / "samples" / "leads.py"), "--rows", str(ROWS)], stdout=file, check=True)
            report = demo.send(stack, layout, leads)
        if not report["ok"]:
            raise Failure("The campaign does not add up: " + "; ".join(report["problems"]))
        beside = _smtplib_loop(layout, stack.facts["ports"]["mail"], Path(report["mail_store"]))
    finally:
        stack.stop()
    value = report["mails"]["per_second"]
    yield {"name": "send", "value": value, "unit": "mails/s", "beside": round(beside, 1), "ratio": round(value / beside, 2)}


def _smtplib_loop(layout, port, store):
    """The same mail as the campaign sent, from memory, over and over."""
    newest = max(store.iterdir(), key=lambda path: path.stat().st_mtime)
    message = newest.read_bytes()
    with smtplib.SMTP("localhost", port, timeout=30) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(layout.authority)))
        client.login("demo", read_json(layout.secrets)["mail_demo"])
        started = time.monotonic()
        for number in range(BESIDE_MAILS):
            client.sendmail(f"bench@{DOMAIN}", [f"lead{number}@example.com"], message)
        return BESIDE_MAILS / (time.monotonic() - started)
