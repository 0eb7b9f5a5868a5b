"""The console's tests: its logic under Node, its pages in a browser. The browser is Debian's, its driver comes from PyPI into a private environment."""

import hashlib
import os
import re
import shutil
import subprocess
import sys

from penguin.layout import ROOT
from penguin.terminal import Failure, say

FOLDER = ROOT / "Tests" / "Console"
REQUIREMENTS = FOLDER / "requirements.txt"
NODE_COUNT = re.compile(r"^# (pass|fail|cancelled) (\d+)")
NODE_FAILURE = re.compile(r"^\s*not ok \d+ - (.+)")
PYTHON_RUN = re.compile(r"^Ran (\d+) tests? in")
PYTHON_FAILURES = re.compile(r"^FAILED \((.+)\)")


def run_all(stream, arguments=()):
    """Runs both; returns how many passed and failed, and what the failures said. `stream` is that of testing.py; `arguments` go to unittest."""
    results = [] if arguments else [_unit(stream)]
    results.append(_browser(stream, arguments))
    passed, failed = (sum(result[place] for result in results) for place in (0, 1))
    return passed, failed, [line for result in results for line in result[2]]


def _unit(stream):
    counts, told = {"pass": 0, "fail": 0, "cancelled": 0}, []

    def read(line):
        if match := NODE_COUNT.match(line):
            counts[match.group(1)] = int(match.group(2))
        if match := NODE_FAILURE.match(line):
            told.append(f"not ok: {match.group(1)}")

    status = stream(["timeout", "120", "node", "--test", "--test-reporter=tap", *sorted(map(str, (FOLDER / "unit").glob("*.test.mjs")))], read)
    failed = counts["fail"] + counts["cancelled"]
    return counts["pass"], max(failed, 1) if status else failed, told


def _browser(stream, arguments):
    found, told = {"run": 0, "failed": 0}, []

    def read(line):
        if line.startswith(("FAIL: ", "ERROR: ")):
            told.append(line.rstrip())
        if match := PYTHON_RUN.match(line):
            found["run"] = int(match.group(1))
        if match := PYTHON_FAILURES.match(line):
            found["failed"] = sum(int(number) for kind, number in re.findall(r"(\w+)=(\d+)", match.group(1)) if kind in ("failures", "errors"))

    command = [str(environment()), "-m", "unittest", "discover", "-s", str(FOLDER), "-t", str(FOLDER), *arguments]
    status = stream(command, read, environment={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    failed = max(found["failed"], 1) if status else found["failed"]
    return max(0, found["run"] - failed), failed, told


def environment():
    """The Python that has the browser's driver; made once for each list of requirements."""
    # Debian's packages stay visible: the stack's mail server and name server need them.
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    folder = ROOT / ".local" / "console" / "python"
    python, stamp = folder / "bin" / "python", folder / "requirements.sha256"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    say("  Installing the browser's driver …")
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", "--system-site-packages", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS)],
    ):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise Failure(f"The browser's driver could not be installed:\n{(result.stderr or result.stdout)[-2000:]}")
    stamp.write_text(wanted)
    return python
