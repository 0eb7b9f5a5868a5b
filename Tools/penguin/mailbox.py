"""Reads the Maildir of the development mail server."""

import email
import email.policy
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Mail:
    sender: str
    recipients: tuple
    message_id: str
    path: str

    def text(self):
        """The words of the mail, decoded."""
        return self._part("plain")

    def html(self):
        """The same as HTML, decoded."""
        return self._part("html")

    def _part(self, kind):
        with open(self.path, "rb") as file:
            return email.message_from_binary_file(file, policy=email.policy.default).get_body((kind,)).get_content()


class Mailbox:
    """The mails that arrived since a moment; each is read once, however often it is asked."""

    def __init__(self, maildir, since):
        self._new = maildir / "new"
        self._since = int(since)
        self._known = {}

    def mails(self):
        if self._new.is_dir():
            for entry in os.scandir(self._new):
                # The name begins with the second of arrival.
                if entry.name not in self._known and int(entry.name.partition(".")[0]) >= self._since:
                    self._known[entry.name] = _read(entry.path)
        return list(self._known.values())


def _read(path):
    values = {"return-path": [], "delivered-to": [], "message-id": []}
    with open(path, "rb") as file:
        value = None
        for line in file:
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if not text:
                break
            if text[0] in " \t":
                # The rest of a folded header.
                if value:
                    value[-1] += text
                continue
            name, _, content = text.partition(":")
            value = values.get(name.lower())
            if value is not None:
                value.append(content)
    sender, message_id = ("".join(values[name]).strip().strip("<>") for name in ("return-path", "message-id"))
    return Mail(sender, tuple(recipient.strip() for recipient in values["delivered-to"]), message_id, path)
