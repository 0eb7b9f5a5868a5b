"""What the parts measure with: times and their percentiles, memory, the database as a role sees it, a reader with a kept connection."""

import http.client
import json
import ssl
import statistics
import subprocess
import threading
import time
from pathlib import Path

from penguin.postgres import psql_command, psql_environment
from penguin.terminal import Failure

SAMPLE_SECONDS = 0.2


def percentile(times, share):
    """The value below which `share` per cent of the times are; never beyond the longest."""
    return times[0] if len(times) == 1 else statistics.quantiles(times, n=100, method="inclusive")[share - 1]


def beside(name, value, unit, other):
    """A result in the form that ./penguin bench prints; `other` is a peer's figure, or what is wanted."""
    return {"name": f"campaigns, {name}", "value": round(value, 3), "unit": unit, "beside": round(other, 3), "ratio": float(f"{value / other:.3g}")}


def percentiles(name, times, wanted):
    """The middle and the slow end of times in milliseconds, beside what is wanted of the slow end."""
    for share in (50, 99):
        yield beside(f"{name}, p{share}", percentile(times, share), "ms", wanted)


class Psql:
    """The database as a role sees it."""

    def __init__(self, port, role, password, settings=""):
        self._command = psql_command(port, role) + ["-qXAt", "-v", "ON_ERROR_STOP=1"]
        # Times are read out of what psql says: with a point, whatever language the user speaks.
        self._environment = {**psql_environment(password), "PGOPTIONS": settings, "LC_ALL": "C"}

    def run(self, *statements):
        """Each in a transaction of its own, in one session; what they give."""
        return self._ask([part for statement in statements for part in ("-c", statement)])

    def script(self, text):
        """A script with psql's own commands."""
        return self._ask(["-f", "-"], text)

    def value(self, statement):
        return self.run(statement).strip()

    def _ask(self, arguments, text=None):
        answer = subprocess.run([*self._command, *arguments], env=self._environment, input=text, capture_output=True, text=True)
        if answer.returncode != 0:
            raise Failure(f"The database said: {answer.stderr.strip()[:2_000]}")
        return answer.stdout


class Reader:
    """Somebody who is signed in and reads over one connection that stays open, through the gateway."""

    def __init__(self, port, authority, cookie):
        self._connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=ssl.create_default_context(cafile=str(authority)))
        self._headers = {"Cookie": cookie, "Accept": "application/json"}

    def get(self, path):
        """The milliseconds until the whole answer was there, and what it says."""
        started = time.monotonic()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        milliseconds = (time.monotonic() - started) * 1_000
        if answer.status != 200:
            raise Failure(f"GET {path} answered {answer.status}: {content[:500].decode(errors='replace')}")
        return milliseconds, json.loads(content)


class ResidentMemory:
    """A process' resident megabytes before and at most, looked at every 0.2 s while the block runs."""

    def __init__(self, pid):
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.before = self.most = self._now()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    @property
    def growth(self):
        return self.most - self.before

    def _watch(self):
        while not self._ended.wait(SAMPLE_SECONDS):
            self.most = max(self.most, self._now())

    def _now(self):
        return int(self._status.read_text().split("VmRSS:")[1].split()[0]) / 1_024
