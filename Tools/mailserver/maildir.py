"""Keeps messages as files, one a message, so that anybody can count and read them while mail arrives."""

import itertools
import os
import time
from pathlib import Path


class Maildir:
    """A Maildir: a message is written in tmp and renamed into new, so that new holds whole messages only."""

    def __init__(self, path: Path):
        self._tmp = path / "tmp"
        self._new = path / "new"
        self._counter = itertools.count(1)
        for folder in (self._tmp, self._new, path / "cur"):
            folder.mkdir(parents=True, exist_ok=True)

    def store(self, sender: str, recipients: list, content: bytes) -> Path:
        """Keeps one message under its envelope, as delivery agents note it.

        There is no fsync: this store outlives the server, not the machine, and must not be what a benchmark measures.
        """
        now = time.time()
        name = f"{int(now)}.M{int(now % 1 * 1_000_000):06d}P{os.getpid()}Q{next(self._counter)}.localhost"
        envelope = [f"Return-Path: <{sender}>"] + [f"Delivered-To: {recipient}" for recipient in recipients]
        partial = self._tmp / name
        with open(partial, "wb") as file:
            file.write("".join(line + "\r\n" for line in envelope).encode("utf-8", "surrogateescape") + content)
        return partial.rename(self._new / name)
