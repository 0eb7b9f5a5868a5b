"""./penguin isolation: one company asks for everything of another one, each service for what only others may, and the database is asked past no rule."""

import os
import re
import sys

from penguin.layout import ROOT

FOLDER = ROOT / "Tests" / "Isolation"
PYTHON_RUN = re.compile(r"^Ran (\d+) tests? in")
PYTHON_FAILURES = re.compile(r"^FAILED \((.+)\)")


def run_all(stream, arguments=()):
    """Runs the tests; returns how many passed and failed, and what the failures said. `stream` is that of testing.py; `arguments` go to unittest."""
    found, told = {"run": 0, "failed": 0}, []

    def read(line):
        if line.startswith(("FAIL: ", "ERROR: ")):
            told.append(line.rstrip())
        if match := PYTHON_RUN.match(line):
            found["run"] = int(match.group(1))
        if match := PYTHON_FAILURES.match(line):
            found["failed"] = sum(int(number) for kind, number in re.findall(r"(\w+)=(\d+)", match.group(1)) if kind in ("failures", "errors"))

    command = [sys.executable, "-m", "unittest", "discover", "-s", str(FOLDER), "-t", str(FOLDER), *arguments]
    status = stream(command, read, environment={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    failed = max(found["failed"], 1) if status else found["failed"]
    return max(0, found["run"] - failed), failed, told
