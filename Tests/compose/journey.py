"""The demo's journey through a stack in containers: the mails are read by IMAP, as a person would.

    python3 journey.py --url https://localhost:8443 --ca ca.pem --imap 8993 --password … --leads leads.csv [--during 'docker kill …']

Prints the closing table; status 0 only if every lead is accounted for.
"""

import argparse
import email
import email.policy
import imaplib
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tools"))

from penguin import closing  # noqa: E402
from penguin.api import Api  # noqa: E402
from penguin.journey import Journey  # noqa: E402
from penguin.terminal import Failure, say  # noqa: E402


@dataclass(frozen=True)
class CaughtMail:
    sender: str
    recipients: tuple
    message_id: str
    content: bytes

    def text(self):
        return email.message_from_bytes(self.content, policy=email.policy.default).get_body(("plain",)).get_content()


class ImapMailbox:
    """What the mail server caught; each mail is fetched once, however often it is asked."""

    def __init__(self, port, authority, password):
        context = ssl.create_default_context(cafile=str(authority))
        self._imap = imaplib.IMAP4_SSL("localhost", port, ssl_context=context, timeout=30)
        self._imap.login("demo", password)
        self._known = {}
        self._next = 1

    def mails(self):
        self._imap.select("INBOX", readonly=True)
        _, answer = self._imap.uid("FETCH", f"{self._next}:*", "(UID BODY.PEEK[])")
        for part in answer:
            if isinstance(part, tuple):
                uid = int(part[0].partition(b"UID ")[2].split()[0])
                self._known.setdefault(uid, _read(part[1]))
                self._next = max(self._next, uid + 1)
        return list(self._known.values())


def _read(content):
    message = email.message_from_bytes(content)
    def clean(name):
        return [value.strip().strip("<>") for value in message.get_all(name, [])]
    return CaughtMail("".join(clean("Return-Path")), tuple(clean("Delivered-To")), "".join(clean("Message-ID")), content)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--imap", type=int, required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--leads", type=Path, required=True)
    parser.add_argument("--during", help="a command to run once when a third of the mails is out")
    options = parser.parse_args()
    api = Api(options.url, options.ca)
    journey = Journey(api, None, 5870, options.password, mail_host="mail", mailbox=ImapMailbox(options.imap, options.ca, options.password))
    journey.sign_up()
    journey.set_up()
    journey.import_leads(options.leads)
    journey.launch()
    progress, seconds = journey.watch(_once(options.during))
    # Nobody serves a zone here: development stacks in containers launch without.
    expected = closing.EXPECTED_ACTIONS - {"domain.add", "domain.verify"}
    report = closing.report(journey, progress, seconds, journey.audit_actions(expected), None, options.url, expected)
    print("\n" + closing.text(report), flush=True)
    return 0 if report["ok"] else 1


def _once(command):
    done = []

    def on_progress(progress):
        if command and not done and 3 * progress["sent"] >= progress["total"]:
            done.append(command)
            say(f"  {command}")
            subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)

    return on_progress


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"penguin: {failure}")
