"""The development mail server as a component, and who may use it."""

import sys

from penguin.component import Component, answers
from penguin.layout import ROOT

DOMAIN = "penguin.example"


def component(layout, port):
    command = [
        sys.executable, str(ROOT / "Tools" / "mailserver"), "--port", str(port), "--maildir", str(layout.maildir), "--users",
        str(layout.mail_users), "--certificate", str(layout.certificates / "mail.pem"), "--key", str(layout.certificates / "mail.key"),
    ]
    return Component(
        "mail", command, layout.log("mail"), missing=lambda _: None if answers(port) else f"nobody listens on port {port}", stop_seconds=5)
