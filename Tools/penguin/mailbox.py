"""Reads the Maildir of the development mail server."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Mail:
    sender: str
    recipients: tuple
    message_id: str
    path: str

    def text(self):
        """The whole message as it stands in the store."""
        with open(self.path, "rb") as file:
            return file.read().decode("utf-8", "replace")


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
    sender, recipients, message_id = "", [], ""
    with open(path, "rb") as file:
        name = ""
        for line in file:
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if not text:
                break
            if text[0] in " \t":
                # A folded header: only a Message-ID that stands alone on the second line matters here.
                if name == "message-id":
                    message_id += text.strip()
                continue
            name, _, value = text.partition(":")
            name, value = name.lower(), value.strip()
            if name == "return-path":
                sender = value.strip("<>")
            elif name == "delivered-to":
                recipients.append(value)
            elif name == "message-id":
                message_id = value
    return Mail(sender, tuple(recipients), message_id, path)
