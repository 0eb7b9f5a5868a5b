"""Who may hand mail in."""

import hmac
import json
from pathlib import Path


class Users:
    """Names and passwords from a JSON file, read again when it changes: a test changes a password under a running server."""

    def __init__(self, path: Path):
        self._path = path
        self._stamp = None
        self._passwords = {}

    def accepts(self, name: bytes, password: bytes) -> bool:
        self._refresh()
        expected = self._passwords.get(name.decode("utf-8", "replace"))
        return expected is not None and hmac.compare_digest(expected.encode(), password)

    def _refresh(self):
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._passwords = None, {}
            return
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp == self._stamp:
            return
        try:
            self._passwords = json.loads(self._path.read_text())
            self._stamp = stamp
        except ValueError:
            # Half written: what was known holds until the file is whole.
            pass
