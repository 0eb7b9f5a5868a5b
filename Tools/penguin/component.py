"""One process of the stack: how it starts, how one knows that it is ready, how it ends."""

import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from penguin.processes import fingerprint, spawn


@dataclass
class Component:
    name: str
    command: list
    log: Path
    # Returns None when the process does its work, otherwise what is missing, in words.
    missing: Callable[["Component"], Optional[str]]
    environment: Optional[dict] = None
    user: Optional[str] = None
    folder: Optional[Path] = None
    start_seconds: float = 30
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 25
    # Runs once, when the process is ready for the first time.
    prepare: Callable[[], None] = lambda: None
    process: object = None
    failures: int = field(default=0, init=False)
    started: float = field(default=0, init=False)
    restart_at: Optional[float] = field(default=None, init=False)

    def start(self):
        self.process = spawn(
            self.command, log=self.log, environment=self.environment, user=self.user, folder=self.folder, death_signal=self.stop_signal)
        self.started = time.monotonic()
        self.restart_at = None

    @property
    def pid(self):
        return self.process.pid if self.process else None

    @property
    def identity(self):
        return fingerprint(self.pid) if self.process and self.process.poll() is None else None

    def has_ended(self):
        return self.process is not None and self.process.poll() is not None

    def how_it_ended(self):
        status = self.process.returncode
        return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def schedule_restart(self):
        """At once for the first crash in a while, then with growing pauses: 0.2 s, 0.4 s … 5 s."""
        now = time.monotonic()
        self.failures = 0 if now - self.started > 30 else self.failures + 1
        self.restart_at = now + min(5, 0.2 * 2 ** self.failures)


def answers(port):
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
