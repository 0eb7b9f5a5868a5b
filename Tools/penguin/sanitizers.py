"""Builds with a sanitizer, and what it reports: of memory (address) or of races (thread). Each has a build folder of its own."""

import os
import shutil

from penguin.layout import ROOT

KINDS = ("address", "thread")
# How many times as long tests take at most.
SLOWNESS = 6


def arguments(kind):
    """What `swift build` and `swift test` are told."""
    return ["--sanitize", kind, "--scratch-path", str(ROOT / folder(kind))] if kind else []


def folder(kind):
    return f".build-{kind}"


def environment(kind):
    """For the tests and all that they start: reports go into files, and do not end the process that they are about.

    Leaks are not looked for: what lives as long as the process is told as one.
    """
    reports = _reports(kind)
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    options = f"log_path={reports}/report:halt_on_error=0:exitcode=66"
    return {**os.environ, "PENGUIN_BUILD": folder(kind), "ASAN_OPTIONS": f"{options}:detect_leaks=0", "TSAN_OPTIONS": options}


def reports(kind):
    """The first lines of each report, one line a report."""
    lines = []
    for path in sorted(_reports(kind).glob("report*")):
        found = [line.strip() for line in path.read_text(errors="replace").splitlines() if "Sanitizer" in line or line.lstrip().startswith("#0")]
        lines.append(f"{path.relative_to(ROOT)}: {'; '.join(found[:3])}"[:400])
    return lines


def _reports(kind):
    return ROOT / folder(kind) / "reports"
